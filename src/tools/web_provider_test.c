/* web_provider_test.c - how providers are asked, what their answers say, and which domains fit. */
#include "tools/web_provider.h"

#include "base/test.h"

static yyjson_val *json(struct arena *a, const char *text)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	json_parse(a, str_of(text), &v, &e);
	return v;
}

static const struct {
	const char *allowed, *blocked, *url;
	bool fits;
} domains[] = {
    {"[]", "[]", "https://a.example/x", true},
    {"[\"a.example\"]", "[]", "https://a.example/x", true},
    {"[\"a.example\"]", "[]", "https://deep.A.Example:443?x", true},
    {"[\"https://a.example/path\"]", "[]", "http://a.example", true},
    {"[\"a.example\"]", "[]", "https://nota.example/", false},
    {"[\"a.example\"]", "[]", "https://a.example.evil.example/", false},
    {"[\"a.example\"]", "[]", "https://a.example@evil.example/", false},
    {"[\"a.example\"]", "[]", "https://evil.example/#@a.example", false},
    {"[\"a.example\"]", "[]", "https://evil.example\\@a.example/", false},
    {"[\"a.example\"]", "[]", "https://a.example./", true},
    {"[]", "[\"b.example\"]", "https://x.b.example/", false},
    {"[\"a.example\"]", "[\"x.a.example\"]", "https://x.a.example/", false},
    {"[]", "[]", "ftp://a.example/", false},
    {"[]", "[]", "javascript:alert(1)", false},
    {"[]", "[]", "https:///x", false},
};

static void domains_fit(void)
{
	struct arena a = {0};
	for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
		struct web_query q = {.allowed = json(&a, domains[i].allowed), .blocked = json(&a, domains[i].blocked)};
		if (web_domain_fits(&q, str_of(domains[i].url)) != domains[i].fits) {
			printf("# %s\n", domains[i].url);
			CHECK(false);
		}
	}
	CHECK_STR(web_host(S("https://www.a.example:8/x")), S("a.example"));
	CHECK_STR(web_host(S("http://[::1]:8/x")), S("[::1]"));
	CHECK(!web_host(S("mailto:x")).n);
	arena_free(&a);
}

static void asked(void)
{
	struct arena a = {0};
	struct tools_options o = {.url = S("http://127.0.0.1:8888/"), .key = S("k")};
	struct web_query q = {.text = S("a b&c"), .max = 5, .country = S("DE")};
	struct web_request rq = {0};
	web_provider(S("searxng"))->ask(&a, &o, &q, &rq);
	CHECK_STR(rq.url, S("http://127.0.0.1:8888/search?format=json&q=a%20b%26c"));
	CHECK(!rq.body.p);
	q.allowed = json(&a, "[\"x.example\",\"y.example\"]");
	q.blocked = json(&a, "[\"z.example\"]");
	rq = (struct web_request){0};
	o.url = S("http://h");
	web_provider(S("brave"))->ask(&a, &o, &q, &rq);
	CHECK_STR(
	    rq.url,
	    S("http://h/res/v1/web/search?text_decorations=false&count=5&country=DE&q=a%20b%26c%20%28site%3Ax.example"
	      "%20OR%20site%3Ay.example%29%20-site%3Az.example"));
	CHECK_STR(rq.headers[1], S("X-Subscription-Token: k"));
	rq = (struct web_request){0};
	web_provider(S("tavily"))->ask(&a, &o, &q, &rq);
	CHECK_STR(rq.url, S("http://h/search"));
	CHECK_STR(rq.body, S("{\"query\":\"a b&c\",\"max_results\":5,\"include_domains\":[\"x.example\",\"y.example\"],"
			     "\"exclude_domains\":[\"z.example\"]}"));
	CHECK_STR(rq.headers[1], S("Authorization: Bearer k"));
	CHECK(!web_provider(S("none")));
	arena_free(&a);
}

static const struct {
	const char *provider, *answer;
	int hits; /* -1: none of its answers */
	const char *text;
} answers[] = {
    {"searxng",
     "{\"query\":\"q\",\"results\":[{\"url\":\"https://"
     "a.example\",\"title\":\"A\",\"content\":\"aa\",\"engine\":\"x\"}]}",
     1, "aa"},
    {"searxng", "{\"results\":[]}", 0, NULL},
    {"searxng", "{\"results\":[{\"title\":\"no address\"},{\"url\":3},{\"url\":\"ftp://x\"},7,null]}", 0, NULL},
    {"searxng", "{\"results\":{}}", -1, NULL},
    {"searxng", "{\"error\":\"no\"}", -1, NULL},
    {"searxng", "[]", -1, NULL},
    {"searxng", "<html>", -1, NULL},
    {"searxng", "", -1, NULL},
    {"brave",
     "{\"type\":\"search\",\"web\":{\"results\":[{\"url\":\"https://"
     "a.example\",\"title\":\"A\",\"description\":\"bb\"}]}}",
     1, "bb"},
    {"brave", "{\"type\":\"search\",\"query\":{}}", 0, NULL},
    {"brave", "{\"type\":\"search\",\"web\":{\"results\":\"x\"}}", -1, NULL},
    {"tavily",
     "{\"query\":\"q\",\"answer\":null,\"results\":[{\"url\":\"https://"
     "a.example\",\"title\":\"A\",\"content\":\"cc\",\"score\":0.5}]}",
     1, "cc"},
    {"tavily", "{\"detail\":{\"error\":\"no\"}}", -1, NULL},
};

static void answered(void)
{
	struct arena a = {0};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct web_query q = {.max = 4};
		struct web_hit hits[4];
		size_t n = 0;
		struct err e = {0};
		bool ok = web_read_hits(&a, web_provider(str_of(answers[i].provider)), &q, str_of(answers[i].answer),
					hits, &n, &e);
		CHECK(ok == (answers[i].hits >= 0) && (!ok || n == (size_t)answers[i].hits));
		if (n) {
			CHECK_STR(hits[0].url, S("https://a.example"));
			CHECK_STR(hits[0].title, S("A"));
			CHECK_STR(hits[0].text, str_of(answers[i].text));
		}
	}
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {{"domains", domains_fit}, {"asking", asked}, {"answers", answered}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
