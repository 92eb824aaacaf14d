/* web_provider.c - who answers searches of the web: how each is asked, and what it answers. */
#include "tools/web_provider.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"

/* --- addresses --- */

static struct str web_provider_host_of(struct str url)
{
	struct str rest = url;
	if (str_starts(url, S("https://")))
		rest = (struct str){url.p + 8, url.n - 8};
	else if (str_starts(url, S("http://")))
		rest = (struct str){url.p + 7, url.n - 7};
	else
		return (struct str){0};
	size_t n = 0;
	while (n < rest.n && !strchr("/?#\\", rest.p[n]))
		n++;
	rest.n = n;
	while (str_find(rest, '@') < rest.n) /* what stands before it is no part of the host */
		str_cut(&rest, '@');
	size_t end = str_find(rest, rest.n && rest.p[0] == '[' ? ']' : ':');
	rest.n = end < rest.n && rest.p[end] == ']' ? end + 1 : end;
	return rest.n ? rest : (struct str){0};
}

struct str web_host(struct str url)
{
	struct str host = web_provider_host_of(url);
	if (host.n > 4 && str_eq_nocase((struct str){host.p, 4}, S("www.")))
		return (struct str){host.p + 4, host.n - 4};
	return host;
}

/* Domains are given with or without scheme and path; subdomains count. */
static bool web_provider_within(struct str host, struct str domain)
{
	if (web_provider_host_of(domain).n)
		domain = web_provider_host_of(domain);
	domain.n = str_find(domain, '/');
	if (!domain.n || host.n < domain.n)
		return false;
	struct str end = {host.p + host.n - domain.n, domain.n};
	return str_eq_nocase(end, domain) && (host.n == domain.n || host.p[host.n - domain.n - 1] == '.');
}

static bool web_provider_listed(yyjson_val *domains, struct str host)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(domains, i, max, one)
	{
		if (web_provider_within(host, json_str(one)))
			return true;
	}
	return false;
}

bool web_domain_fits(const struct web_query *q, struct str url)
{
	struct str host = web_provider_host_of(url);
	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	return host.n && (!yyjson_arr_size(q->allowed) || web_provider_listed(q->allowed, host)) &&
	       !web_provider_listed(q->blocked, host);
}

/* --- asking --- */

static void add_encoded(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (isalnum(c) || (c && strchr("-_.~", c)))
			buf_byte(b, (char)c);
		else
			buf_fmt(b, "%%%02X", c);
	}
}

/* The query, with the domains in the words that all engines know. */
static void add_query(struct buf *b, const struct web_query *q)
{
	size_t i, max, n = yyjson_arr_size(q->allowed);
	yyjson_val *one;
	add_encoded(b, q->text);
	yyjson_arr_foreach(q->allowed, i, max, one)
	{
		add_encoded(b, i == 0 ? n > 1 ? S(" (site:") : S(" site:") : S(" OR site:"));
		add_encoded(b, json_str(one));
	}
	if (n > 1)
		add_encoded(b, S(")"));
	yyjson_arr_foreach(q->blocked, i, max, one)
	{
		add_encoded(b, S(" -site:"));
		add_encoded(b, json_str(one));
	}
}

static struct str base_of(const struct tools_options *o, struct str own)
{
	struct str url = o->url.n ? o->url : own;
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	return url;
}

static struct str web_provider_taken(struct arena *a, struct buf *b)
{
	struct str s = str_copy(a, buf_str(b));
	buf_release(b);
	return s;
}

enum { REQUEST_MAX = 65536 };

static void ask_searxng(struct arena *a, const struct tools_options *o, const struct web_query *q,
			struct web_request *ret)
{
	struct buf b;
	buf_init(&b, REQUEST_MAX);
	buf_fmt(&b, "%.*s/search?format=json&q=", FMT(base_of(o, (struct str){0})));
	add_query(&b, q);
	ret->url = web_provider_taken(a, &b);
	ret->headers[ret->n_headers++] = S("Accept: application/json");
	/* Its bot detection wants to know for whom it works. */
	ret->headers[ret->n_headers++] = S("X-Forwarded-For: 127.0.0.1");
	ret->headers[ret->n_headers++] = S("X-Real-IP: 127.0.0.1");
}

static yyjson_val *list_searxng(yyjson_val *answer)
{
	return json_get(answer, S("results"));
}
#define list_tavily list_searxng

static void ask_brave(struct arena *a, const struct tools_options *o, const struct web_query *q,
		      struct web_request *ret)
{
	enum { MOST = 20 }; /* the API's own bound */
	struct buf b;
	buf_init(&b, REQUEST_MAX);
	buf_fmt(&b, "%.*s/res/v1/web/search?text_decorations=false&count=%zu",
		FMT(base_of(o, S("https://api.search.brave.com"))), q->max < MOST ? q->max : (size_t)MOST);
	if (q->country.n) {
		buf_add(&b, S("&country="));
		add_encoded(&b, q->country);
	}
	buf_add(&b, S("&q="));
	add_query(&b, q);
	ret->url = web_provider_taken(a, &b);
	ret->headers[ret->n_headers++] = S("Accept: application/json");
	ret->headers[ret->n_headers++] = str_fmt(a, "X-Subscription-Token: %.*s", FMT(o->key));
}

static yyjson_val *list_brave(yyjson_val *answer)
{
	return json_get(json_get(answer, S("web")), S("results"));
}

static void add_domains(struct jout *o, struct str key, yyjson_val *domains)
{
	if (!yyjson_arr_size(domains))
		return;
	jo_key(o, key);
	jo_val(o, domains);
}

static void ask_tavily(struct arena *a, const struct tools_options *o, const struct web_query *q,
		       struct web_request *ret)
{
	enum { MOST = 20 }; /* the API's own bound */
	struct buf b;
	buf_init(&b, REQUEST_MAX);
	struct jout out = {.b = &b};
	jo_obj(&out);
	jo_kstr(&out, "query", q->text);
	jo_kint(&out, "max_results", (int64_t)(q->max < MOST ? q->max : (size_t)MOST));
	add_domains(&out, S("include_domains"), q->allowed);
	add_domains(&out, S("exclude_domains"), q->blocked);
	jo_obj_end(&out);
	ret->body = web_provider_taken(a, &b);
	ret->url = str_fmt(a, "%.*s/search", FMT(base_of(o, S("https://api.tavily.com"))));
	ret->headers[ret->n_headers++] = S("Content-Type: application/json");
	ret->headers[ret->n_headers++] = str_fmt(a, "Authorization: Bearer %.*s", FMT(o->key));
}

/* --- answers --- */

static const struct web_provider providers[] = {
#define TEXT_searxng STR("content")
#define TEXT_brave STR("description")
#define TEXT_tavily STR("content")
#define MUST_searxng STR("results")
#define MUST_brave STR("type") /* without a hit there is no list */
#define MUST_tavily STR("results")
#define PROVIDER(name, url, key, what)                                                                                 \
	{STR(#name), STR(url), STR(key), STR(what), ask_##name, list_##name, MUST_##name, STR("title"), TEXT_##name},
#include "tools/web_providers.def"
#undef PROVIDER
};

const struct web_provider *web_provider(struct str name)
{
	for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
		if (str_eq(providers[i].name, name))
			return &providers[i];
	return NULL;
}

bool web_read_hits(struct arena *a, const struct web_provider *p, const struct web_query *q, struct str answer,
		   struct web_hit *ret, size_t *n, struct err *e)
{
	struct err syntax = {0};
	yyjson_val *v, *list, *one;
	size_t i, max;
	*n = 0;
	if (!json_parse(a, answer, &v, &syntax))
		return fail(e, ERR_ENGINE, NULL, "its answer is not JSON");
	list = p->list(v);
	if (!json_get(v, p->must) || (list && !yyjson_is_arr(list)))
		return fail(e, ERR_ENGINE, NULL, "its answer is JSON of another kind");
	yyjson_arr_foreach(list, i, max, one)
	{
		struct web_hit hit = {json_str(json_get(one, S("url"))), json_str(json_get(one, p->title)),
				      json_str(json_get(one, p->text))};
		if (*n < q->max && hit.url.n && web_domain_fits(q, hit.url))
			ret[(*n)++] = hit;
	}
	return true;
}
