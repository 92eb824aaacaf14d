/* url_test.c - URLs taken apart, compared and joined. */
#include "net/url.h"

#include "base/test.h"

static void is_split(void)
{
	struct url u;
	CHECK(url_split(S("HTTPS://Host.example/a/b?c=d#e"), &u) && u.port == 443 && u.fragment);
	CHECK_STR(u.host, S("Host.example"));
	CHECK_STR(u.path, S("/a/b"));
	CHECK_STR(u.query, S("?c=d"));
	CHECK(url_split(S("http://[::1]:8080"), &u) && u.port == 8080 && u.path.n == 0 && u.query.n == 0 &&
	      !u.fragment);
	CHECK_STR(u.host, S("[::1]"));
	CHECK(url_split(S("http://h?x"), &u) && u.path.n == 0);
	CHECK_STR(u.query, S("?x"));
	static const char *const wrong[] = {"ftp://h/",        "http:/h", "http://", "http://u@h/", "http://h:0/",
					    "http://h:70000/", "h",       "",        "http://h:x/", "javascript:1"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		CHECK(!url_split(str_of(wrong[i]), &u));
}

static void origins(void)
{
	CHECK(url_same_origin(S("http://h/a"), S("HTTP://H:80/b?c")));
	CHECK(url_same_origin(S("https://h:443"), S("https://h/")));
	CHECK(!url_same_origin(S("http://h/"), S("https://h/")));
	CHECK(!url_same_origin(S("http://h:8080/"), S("http://h/")));
	CHECK(!url_same_origin(S("http://h.example/"), S("http://h/")));
	CHECK(!url_same_origin(S("http://h/"), S("http://me@h/")));
	CHECK(!url_same_origin(S("x"), S("x")));
}

static void are_joined(void)
{
	static const struct {
		const char *base, *ref, *want;
	} rows[] = {
	    {"http://h:1/a/b?q", "/m?s=1", "http://h:1/m?s=1"},
	    {"http://h/a/b", "m?s=1", "http://h/a/m?s=1"},
	    {"http://h/a/b?q", "?s=1", "http://h/a/b?s=1"},
	    {"http://h/a/b?q", "", "http://h/a/b?q"},
	    {"https://h/a", "//other/x", "https://other/x"},
	    {"http://h/a", "https://other/x", "https://other/x"},
	    {"http://h", "m", "http://h/m"},
	    {"http://h/a", "/x:y", "http://h/x:y"},
	    {"http://h/a", "/x#f", "http://h/x"},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STR(url_join(&a, str_of(rows[i].base), str_of(rows[i].ref)), str_of(rows[i].want));
	CHECK(!url_join(&a, S("nonsense"), S("/x")).p);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"is split", is_split},
	    {"origins", origins},
	    {"are joined", are_joined},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
