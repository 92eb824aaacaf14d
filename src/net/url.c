/* url.c - the parts of an http(s) URL, and whether two have one origin. */
#include "net/url.h"

#include <string.h>

static size_t until(struct str s, const char *set)
{
	size_t i = 0;
	while (i < s.n && !char_in(s.p[i], set))
		i++;
	return i;
}

static struct str cut_at(struct str *s, size_t n)
{
	struct str head = {s->p, n};
	*s = (struct str){s->p + n, s->n - n};
	return head;
}

static bool split_port(struct str authority, struct url *ret)
{
	size_t end = authority.n && authority.p[0] == '[' ? str_find(authority, ']') : 0;
	struct str rest = {authority.p + end, authority.n - end};
	size_t colon = str_find(rest, ':');
	int64_t port = ret->port;
	ret->host = (struct str){authority.p, end + colon};
	struct str digits = {rest.p + colon + 1, rest.n - colon - (colon < rest.n)};
	if (colon < rest.n && digits.n && (!str_int(digits, &port) || port < 1 || port > 65535))
		return false;
	ret->port = (int)port;
	return ret->host.n && str_find(authority, '@') == authority.n;
}

bool url_split(struct str text, struct url *ret)
{
	struct str rest = text;
	*ret = (struct url){.scheme = cut_at(&rest, str_find(rest, ':'))};
	bool tls = str_eq_nocase(ret->scheme, S("https"));
	if ((!tls && !str_eq_nocase(ret->scheme, S("http"))) || !str_starts(rest, S("://")))
		return false;
	cut_at(&rest, 3);
	ret->port = tls ? 443 : 80;
	struct str authority = cut_at(&rest, until(rest, "/?#"));
	ret->path = cut_at(&rest, until(rest, "?#"));
	ret->query = cut_at(&rest, until(rest, "#"));
	ret->fragment = rest.n > 0;
	return split_port(authority, ret);
}

bool url_same_origin(struct str a, struct str b)
{
	struct url x, y;
	return url_split(a, &x) && url_split(b, &y) && str_eq_nocase(x.scheme, y.scheme) && x.port == y.port &&
	       str_eq_nocase(x.host, y.host);
}

struct str url_join(struct arena *a, struct str base, struct str reference)
{
	struct url u;
	struct str ref = {reference.p, until(reference, "#")};
	size_t colon = str_find(ref, ':');
	if (!url_split(base, &u))
		return (struct str){0};
	if (colon < until(ref, "/?")) /* a scheme: it stands alone */
		return str_copy(a, ref);
	if (str_starts(ref, S("//")))
		return str_fmt(a, "%.*s:%.*s", FMT(u.scheme), FMT(ref));
	struct str origin = {base.p, (size_t)(u.path.p - base.p)}, folder = u.path;
	if (str_starts(ref, S("/")))
		return str_fmt(a, "%.*s%.*s", FMT(origin), FMT(ref));
	if (!ref.n || ref.p[0] == '?')
		return str_fmt(a, "%.*s%.*s%.*s", FMT(origin), FMT(u.path), FMT((ref.n ? ref : u.query)));
	while (folder.n && folder.p[folder.n - 1] != '/')
		folder.n--;
	return str_fmt(a, "%.*s%.*s%.*s", FMT(origin), FMT((folder.n ? folder : S("/"))), FMT(ref));
}
