/* ask.c - what a program in a box asks of its proxy. */
#include "egress/ask.h"

#include <string.h>

enum { HTTP_PORT = 80 };

static struct str ask_field_name(const struct http *h, size_t i)
{
	return (struct str){h->text.p + h->fields[i].name, h->fields[i].n_name};
}

static struct str ask_field_value(const struct http *h, size_t i)
{
	return str_trim((struct str){h->text.p + h->fields[i].value, h->fields[i].n_value});
}

/* "host", "host:port". `port`: the one that is meant without. */
static enum refusal ask_authority(struct str text, int64_t port, struct ask *ret)
{
	struct str rest = text, host = str_cut(&rest, ':');
	*ret->host = 0;
	ret->port = port;
	if (str_starts(text, S("["))) /* an address of IPv6 */
		return REFUSAL_NO_NAME;
	if (host.n < text.n && (!str_int(rest, &ret->port) || ret->port < 1 || ret->port > 65535))
		return REFUSAL_MALFORMED;
	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!host_fits(host))
		return REFUSAL_NO_NAME;
	for (size_t i = 0; i < host.n; i++)
		ret->host[i] = host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] | 32) : host.p[i];
	ret->host[host.n] = 0;
	return REFUSAL_NONE;
}

/* A Host that names another one is how a filter that reads one is told from a server that reads the other. */
static bool ask_host_is(const struct http *h, const struct ask *a, int64_t port)
{
	struct ask said;
	struct str host = http_field(h, S("host"));
	if (!host.p)
		return h->old;
	return ask_authority(host, port, &said) == REFUSAL_NONE && strcmp(said.host, a->host) == 0 &&
	       said.port == a->port;
}

enum refusal ask_read(const struct http *h, struct ask *ret)
{
	struct str target = h->target, prefix = S("http://");
	*ret = (struct ask){.tunnel = h->parser.method == HTTP_CONNECT};
	if (ret->tunnel) {
		if (str_find(target, ':') == target.n)
			return REFUSAL_MALFORMED;
		/* Some give the Host of a CONNECT no port, which means the one that is asked for. */
		enum refusal r = ask_authority(target, 0, ret);
		return r || ask_host_is(h, ret, ret->port) ? r : REFUSAL_MALFORMED;
	}
	if (target.n < prefix.n || !str_eq_nocase((struct str){target.p, prefix.n}, prefix))
		return REFUSAL_MALFORMED;
	size_t end = prefix.n;
	while (end < target.n && !char_in(target.p[end], "/?#\\"))
		end++;
	struct str authority = {target.p + prefix.n, end - prefix.n};
	enum refusal r =
	    str_find(authority, '@') < authority.n ? REFUSAL_MALFORMED : ask_authority(authority, HTTP_PORT, ret);
	ret->path = (struct str){target.p + end, target.n - end};
	if (!r && (!ask_host_is(h, ret, HTTP_PORT) || str_find(ret->path, '#') < ret->path.n ||
		   str_starts(ret->path, S("\\"))))
		r = REFUSAL_MALFORMED;
	return r;
}

bool ask_within(const struct http *h, const struct ask *to, struct ask *ret)
{
	*ret = *to;
	ret->tunnel = false;
	ret->path = h->target;
	return h->parser.method != HTTP_CONNECT && str_starts(h->target, S("/")) &&
	       str_find(h->target, '#') == h->target.n && ask_host_is(h, ret, to->port);
}

/* --- what the host gets ------------------------------------------------------------------------------------------ */

/* Is it named in a header Connection? */
static bool ask_is_hop(const struct http *h, struct str name)
{
	for (size_t i = 0; i < h->n_fields; i++) {
		struct str rest = ask_field_value(h, i);
		while (str_eq_nocase(ask_field_name(h, i), S("connection")) && rest.n)
			if (str_eq_nocase(str_trim(str_cut(&rest, ',')), name))
				return true;
	}
	return false;
}

/* Headers of one hop (RFC 9110, 7.6.1), and those that are written anew. */
static bool ask_drops(const struct http *h, struct str name, bool secret)
{
	static const struct str names[] = {
	    STR("host"), STR("connection"), STR("keep-alive"), STR("proxy-connection"),  STR("proxy-authorization"),
	    STR("te"),   STR("trailer"),    STR("upgrade"),    STR("transfer-encoding"), STR("content-length")};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eq_nocase(names[i], name))
			return true;
	/* A secret could not be found in what is compressed. */
	return (secret && str_eq_nocase(name, S("accept-encoding"))) || ask_is_hop(h, name);
}

static void ask_write_framing(const struct http *h, struct buf *out)
{
	if (h->chunked)
		buf_add(out, S("Transfer-Encoding: chunked\r\n"));
	else if (http_field(h, S("content-length")).p)
		buf_fmt(out, "Content-Length: %llu\r\n", (unsigned long long)h->length);
}

/* Its value, with what it stands for. */
static bool ask_write_value(const struct http *h, size_t i, struct str host, const struct secret *list, size_t n, struct buf *out,
			    struct buf *credentials)
{
	struct str value = ask_field_value(h, i), sent = {0};
	if (!credentials->n && str_eq_nocase(ask_field_name(h, i), S("authorization")) &&
	    secret_put_in_basic(list, n, host, value, out, &sent)) {
		buf_add(credentials, sent);
		return true;
	}
	return secret_put_in(list, n, host, value, out);
}

void ask_write(const struct http *h, const struct ask *a, const struct secret *list, size_t n, struct buf *out,
	       bool *some, struct buf *credentials)
{
	struct str host = str_of(a->host);
	bool secret = secret_of(list, n, host);
	*some = false;
	buf_fmt(out, "%.*s %s%.*s HTTP/1.1\r\nHost: %s", FMT(h->method_text), str_starts(a->path, S("/")) ? "" : "/",
		FMT(a->path), a->host);
	if (a->port != 80 && a->port != 443)
		buf_fmt(out, ":%lld", (long long)a->port);
	buf_add(out, S("\r\n"));
	for (size_t i = 0; i < h->n_fields; i++) {
		if (ask_drops(h, ask_field_name(h, i), secret))
			continue;
		buf_add(out, ask_field_name(h, i));
		buf_add(out, S(": "));
		if (ask_write_value(h, i, host, list, n, out, credentials))
			*some = true;
		buf_add(out, S("\r\n"));
	}
	if (secret)
		buf_add(out, S("Accept-Encoding: identity\r\n"));
	ask_write_framing(h, out);
	buf_add(out, S("Connection: close\r\n\r\n"));
}
