/* target.c - where an engine is: its URL taken apart, the environment's proxy applied. */
#include "net/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static struct str cut_at(struct str *s, size_t n, size_t skip)
{
	struct str head = {s->p, n};
	*s = (struct str){s->p + n + skip, s->n - n - skip};
	return head;
}

static size_t find_text(struct str s, struct str what)
{
	const char *at = s.p && s.n >= what.n ? memmem(s.p, s.n, what.p, what.n) : NULL;
	return at ? (size_t)(at - s.p) : s.n;
}

/* What would change the request line or the Host header's meaning; such bytes have no place in a URL. */
static bool target_has_odd_byte(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

/* "h", "h:1", "[::1]:1" into host and port ("" when none). */
static bool split_host(struct str s, struct str *host, struct str *port)
{
	*port = S("");
	if (s.n && s.p[0] == '[') {
		size_t end = str_find(s, ']');
		if (end == s.n)
			return false;
		*host = (struct str){s.p + 1, end - 1};
		cut_at(&s, end, 1);
		if (s.n && s.p[0] != ':')
			return false;
		if (s.n)
			*port = (struct str){s.p + 1, s.n - 1};
	} else {
		*host = str_cut(&s, ':');
		*port = s;
	}
	int64_t n;
	if (port->n && (!str_int(*port, &n) || n < 1 || n > 65535))
		return false;
	return host->n > 0 && host->n <= 253;
}

static struct str env_any(const char *lower, const char *upper)
{
	const char *v = getenv(lower);
	if (!v && upper)
		v = getenv(upper);
	return str_of(v);
}

/* Our own machine is never asked through a proxy. */
static bool host_local(struct str host)
{
	return str_eq_nocase(host, S("localhost")) || str_starts(host, S("127.")) || str_eq(host, S("::1"));
}

/* no_proxy: names separated by commas; ".a.b" and "a.b" stand for a.b and what is below it, "*" for all. */
static bool host_unproxied(struct str host)
{
	struct str list = env_any("no_proxy", "NO_PROXY");
	while (list.n) {
		struct str one = str_trim(str_cut(&list, ','));
		if (str_eq(one, S("*")))
			return true;
		if (one.n && one.p[0] == '.')
			cut_at(&one, 0, 1);
		if (!one.n || one.n > host.n)
			continue;
		struct str tail = {host.p + host.n - one.n, one.n};
		if (str_eq_nocase(tail, one) && (one.n == host.n || host.p[host.n - one.n - 1] == '.'))
			return true;
	}
	return host_local(host);
}

static int target_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str percent_decode(struct arena *a, struct str s)
{
	char *out = arena_bytes(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		bool coded = s.p[i] == '%' && i + 2 < s.n && target_hex_digit(s.p[i + 1]) >= 0 &&
			     target_hex_digit(s.p[i + 2]) >= 0;
		out[n++] = coded ? (char)(target_hex_digit(s.p[i + 1]) * 16 + target_hex_digit(s.p[i + 2])) : s.p[i];
		i += coded ? 2 : 0;
	}
	return (struct str){out, n};
}

static struct str target_base64(struct arena *a, struct str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = arena_bytes(a, s.n / 3 * 4 + 5);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i += 3) {
		unsigned v = (unsigned)(unsigned char)s.p[i] << 16;
		v |= i + 1 < s.n ? (unsigned)(unsigned char)s.p[i + 1] << 8 : 0;
		v |= i + 2 < s.n ? (unsigned char)s.p[i + 2] : 0;
		out[n++] = digits[v >> 18];
		out[n++] = digits[v >> 12 & 63];
		out[n++] = i + 1 < s.n ? digits[v >> 6 & 63] : '=';
		out[n++] = i + 2 < s.n ? digits[v & 63] : '=';
	}
	return (struct str){out, n};
}

static bool apply_proxy(struct arena *a, struct http_target *t, struct err *e)
{
	/* HTTP_PROXY in capitals can be set by a request under CGI, so it is not looked at. */
	struct str url = t->tls ? env_any("https_proxy", "HTTPS_PROXY") : env_any("http_proxy", NULL);
	if (!url.n)
		url = env_any("all_proxy", "ALL_PROXY");
	if (!url.n || host_unproxied(t->host))
		return true;
	struct str left = str_copy(a, url); /* the environment may change */
	size_t scheme = find_text(left, S("://"));
	if (scheme < left.n && !str_eq_nocase(cut_at(&left, scheme, 3), S("http")))
		return fail(e, ERR_CONFIG, NULL, "the proxy of the environment is not an http:// one");
	left = str_cut(&left, '/');
	for (size_t i = left.n; i-- > 0;) {
		if (left.p[i] != '@')
			continue;
		struct str user = percent_decode(a, cut_at(&left, i, 1));
		t->proxy_auth = target_base64(a, user);
		break;
	}
	if (target_has_odd_byte(left) || !split_host(left, &t->proxy_host, &t->proxy_port))
		return fail(e, ERR_CONFIG, NULL, "the proxy of the environment is not a valid URL");
	if (!t->proxy_port.n)
		t->proxy_port = S("80");
	return true;
}

struct str http_target_path(struct arena *a, const struct http_target *t, struct str path)
{
	bool versioned = str_starts(path, S("/v1/"));
	struct str rest = versioned ? (struct str){path.p + 3, path.n - 3} : path;
	return str_fmt(a, "%.*s%.*s%.*s", FMT(versioned ? t->version : S("")), FMT(rest), FMT(t->query));
}

static bool parse_unix(struct http_target *t, struct str path, struct err *e)
{
	struct sockaddr_un un;
	if (str_starts(path, S("///")))
		path = (struct str){path.p + 2, path.n - 2};
	if (!path.n || path.p[0] != '/')
		return fail(e, ERR_CONFIG, NULL, "engine URL '%.*s': a socket needs an absolute path", FMT(t->url));
	if (path.n >= sizeof un.sun_path)
		return fail(e, ERR_CONFIG, NULL, "engine URL '%.*s': a socket's path has at most %zu bytes",
			    FMT(t->url), sizeof un.sun_path - 1);
	t->unix_path = path;
	t->host = S("localhost");
	t->port = t->prefix = t->query = S("");
	t->version = S("/v1");
	return true;
}

bool http_target_parse(struct arena *a, struct str url, struct http_target *ret, struct err *e)
{
	struct http_target t = {.url = str_copy(a, url)};
	struct str left = t.url;
	if (target_has_odd_byte(left))
		return fail(e, ERR_CONFIG, NULL, "an engine URL holds white space or control characters");
	if (str_starts(left, S("unix:"))) {
		cut_at(&left, 5, 0);
		if (!parse_unix(&t, left, e))
			return false;
		*ret = t;
		return true;
	}
	size_t scheme = find_text(left, S("://"));
	struct str name = scheme < left.n ? cut_at(&left, scheme, 3) : S("");
	t.tls = str_eq_nocase(name, S("https"));
	if (!t.tls && !str_eq_nocase(name, S("http")))
		return fail(e, ERR_CONFIG, NULL,
			    "engine URL '%.*s' must begin with http://, https:// or unix: (http://%.*s?)", FMT(t.url),
			    FMT(left));
	if (str_find(left, '#') < left.n)
		return fail(e, ERR_CONFIG, NULL, "engine URL '%.*s' must not have a fragment", FMT(t.url));
	size_t ask = str_find(left, '?');
	t.query = (struct str){left.p + ask, left.n - ask};
	left.n = ask;
	size_t slash = str_find(left, '/');
	struct str authority = cut_at(&left, slash, 0);
	if (str_find(authority, '@') < authority.n) /* not echoed: it holds a password */
		return fail(e, ERR_CONFIG, NULL, "an engine URL must not hold a user name; use the engine's key");
	if (!split_host(authority, &t.host, &t.port))
		return fail(e, ERR_CONFIG, NULL, "engine URL '%.*s' has no valid host and port", FMT(t.url));
	if (!t.port.n)
		t.port = t.tls ? S("443") : S("80");
	while (left.n && left.p[left.n - 1] == '/')
		left.n--;
	/* People give the base URL of an SDK. A path that ends otherwise than in /v1 is such a base, too. */
	t.version = left.n ? S("") : S("/v1");
	if (left.n >= 3 && !memcmp(left.p + left.n - 3, "/v1", 3)) {
		left.n -= 3;
		t.version = S("/v1");
	}
	while (left.n && left.p[left.n - 1] == '/')
		left.n--;
	t.prefix = left;
	if (!apply_proxy(a, &t, e))
		return false;
	*ret = t;
	return true;
}
