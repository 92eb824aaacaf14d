/* client_pool.c - the targets that are known, and the head of a request to one of them. */
#include "net/client_pool.h"

static const char *const method_names[] = {"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "GET"};

static struct str client_pool_same(struct arena *a, struct str s)
{
	return s.p ? str_copy(a, s) : s;
}

struct pool *client_pool_find(struct pool **all, const struct http_target *t)
{
	for (struct pool *p = *all; p; p = p->next)
		if (str_eq(p->target.url, t->url) && str_eq(p->target.proxy_host, t->proxy_host))
			return p;
	struct pool *p = xalloc(sizeof *p);
	struct arena *a = &p->a;
	p->target = (struct http_target){
	    .url = client_pool_same(a, t->url),
	    .host = client_pool_same(a, t->host),
	    .port = client_pool_same(a, t->port),
	    .prefix = client_pool_same(a, t->prefix),
	    .unix_path = client_pool_same(a, t->unix_path),
	    .proxy_host = client_pool_same(a, t->proxy_host),
	    .proxy_port = client_pool_same(a, t->proxy_port),
	    .proxy_auth = client_pool_same(a, t->proxy_auth),
	    .tls = t->tls,
	};
	bool plain_port = !t->port.n || str_eq(t->port, t->tls ? S("443") : S("80"));
	bool six = str_find(t->host, ':') < t->host.n;
	struct str host = str_fmt(a, six ? "[%.*s]%s%.*s" : "%.*s%s%.*s", FMT(t->host), plain_port ? "" : ":",
				  plain_port ? 0 : (int)t->port.n, t->port.p);
	/* Plain targets behind a proxy are asked for by their whole URL (RFC 9112 3.2.2). */
	bool whole = t->proxy_host.n && !t->tls;
	p->url_front =
	    str_fmt(a, "%s%.*s%.*s", whole ? "http://" : "", whole ? (int)host.n : 0, host.p, FMT(t->prefix));
	p->host_line = whole && t->proxy_auth.n ? str_fmt(a, "Host: %.*s\r\nProxy-Authorization: Basic %.*s\r\n",
							  FMT(host), FMT(t->proxy_auth))
						: str_fmt(a, "Host: %.*s\r\n", FMT(host));
	p->next = *all;
	*all = p;
	return p;
}

void client_put_request(struct buf *b, const struct pool *p, enum method m, struct str path, struct str headers,
			const struct str *body)
{
	bool has_body = (body && body->n) || m == METHOD_POST || m == METHOD_PUT || m == METHOD_PATCH;
	buf_add(b, str_of(method_names[m]));
	buf_byte(b, ' ');
	buf_add(b, p->url_front);
	buf_add(b, path);
	buf_add(b, S(" HTTP/1.1\r\n"));
	buf_add(b, p->host_line);
	if (!body)
		buf_add(b, S("Transfer-Encoding: chunked\r\n"));
	else if (has_body)
		buf_fmt(b, "Content-Length: %zu\r\n", body->n);
	buf_add(b, headers);
	buf_add(b, S("\r\n"));
	if (body)
		buf_add(b, *body);
}
