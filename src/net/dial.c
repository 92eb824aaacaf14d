/* dial.c - opens a connection to an engine: name, address after address, proxy, TLS. */
#include "net/dial.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { PROXY_HEAD_MAX = 16384, ADDRESS_LEAST_MS = 250 };

struct dial_work {
	struct dial *dial;
	struct loop *loop;
	struct names *names;
	struct ssl_ctx_st *tls;
	const struct http_target *target;
	struct name_query query;
	struct addresses found;
	size_t at; /* the address being tried */
	uv_connect_t connect;
	struct timer attempt;
	int64_t end_ms;
	struct deferred fail;
	struct buf proxy; /* the proxy's answer to CONNECT */
	char why[200];
	bool again;  /* closed(): try the next address */
	bool ending; /* dial_close() was called */
};

static const struct conn_events dial_events;
static void try_address(struct dial_work *w);

static struct dial *of_conn(struct conn *c)
{
	return OWNER(c, struct dial, conn);
}

static void work_free(struct dial *d)
{
	struct dial_work *w = d->work;
	name_cancel(&w->query);
	timer_cancel(&w->attempt);
	defer_cancel(&w->fail);
	buf_release(&w->proxy);
	xfree(w);
	d->work = NULL;
}

static void run_failed(struct deferred *f)
{
	struct dial_work *w = OWNER(f, struct dial_work, fail);
	w->dial->failed(w->dial, w->why);
}

static void fail_with(struct dial_work *w, const char *why)
{
	name_cancel(&w->query);
	timer_cancel(&w->attempt);
	snprintf(w->why, sizeof w->why, "%s", why);
	defer_start(w->loop, &w->fail, run_failed);
}

/* This address is no good: the next one, or the end. */
static void give_up_address(struct dial_work *w, const char *why)
{
	timer_cancel(&w->attempt);
	snprintf(w->why, sizeof w->why, "%s", why);
	if (w->at + 1 >= w->found.n || (w->end_ms && loop_now_ms(w->loop) >= w->end_ms)) {
		fail_with(w, why);
		return;
	}
	w->at++;
	w->again = true;
	conn_close(&w->dial->conn);
}

static void opened(struct dial_work *w)
{
	struct dial *d = w->dial;
	work_free(d);
	d->opened(d);
}

/* --- TLS and proxy --- */

struct ssl_ctx_st *dial_tls_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_verify_paths(ctx); /* SSL_CERT_FILE and SSL_CERT_DIR count */
	ERR_clear_error();
	return ctx;
}

static bool start_tls(struct dial_work *w)
{
	static const unsigned char http1[] = "\x08http/1.1";
	struct in6_addr ip;
	char host[256];
	SSL *ssl = SSL_new(w->tls);
	snprintf(host, sizeof host, "%.*s", FMT(w->target->host));
	bool numeric = inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1;
	SSL_set_connect_state(ssl);
	SSL_set_alpn_protos(ssl, http1, sizeof http1 - 1);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	bool ok = numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)
	                  : SSL_set_tlsext_host_name(ssl, host) && SSL_set1_host(ssl, host);
	if (!ok) {
		SSL_free(ssl);
		fail_with(w, "the host name cannot be verified");
		return false;
	}
	conn_tls(&w->dial->conn, ssl);
	return true;
}

/* The answer to CONNECT; nothing may follow its head, since TLS lets the client speak first. */
static void on_proxy_read(struct conn *c, struct str bytes)
{
	struct dial_work *w = of_conn(c)->work;
	buf_add(&w->proxy, bytes);
	struct str got = buf_str(&w->proxy);
	const char *end = memmem(got.p, got.n, "\r\n\r\n", 4);
	if (w->proxy.over || (end && end + 4 != got.p + got.n)) {
		fail_with(w, "the proxy's answer is not HTTP");
	} else if (end) {
		str_cut(&got, ' ');
		if (got.n < 3 || got.p[0] != '2')
			fail_with(w, "the proxy refused the connection");
		else if (start_tls(w))
			opened(w); /* the request that is written now begins the handshake */
	}
}

static void dial_on_gone(struct conn *c, int why)
{
	struct dial_work *w = of_conn(c)->work;
	if (!w->ending && !w->again)
		fail_with(w, why == UV_EOF ? "connection closed" : uv_strerror(why));
}

static void dial_on_closed(struct conn *c)
{
	struct dial *d = of_conn(c);
	struct dial_work *w = d->work;
	if (w->ending) {
		work_free(d);
		d->closed(d);
	} else if (w->again) {
		w->again = false;
		conn_init_tcp(c, w->loop, &dial_events);
		try_address(w);
	}
}

static const struct conn_events dial_events = {.read = on_proxy_read, .gone = dial_on_gone, .closed = dial_on_closed};

static void ask_proxy(struct dial_work *w)
{
	const struct http_target *t = w->target;
	bool six = str_find(t->host, ':') < t->host.n;
	struct arena a = {0};
	struct str host = str_fmt(&a, six ? "[%.*s]:%.*s" : "%.*s:%.*s", FMT(t->host), FMT(t->port));
	struct str auth = S("");
	if (t->proxy_auth.n)
		auth = str_fmt(&a, "Proxy-Authorization: Basic %.*s\r\n", FMT(t->proxy_auth));
	buf_init(&w->proxy, PROXY_HEAD_MAX);
	conn_start(&w->dial->conn);
	conn_write(&w->dial->conn, str_fmt(&a, "CONNECT %.*s HTTP/1.1\r\nHost: %.*s\r\n%.*s\r\n", FMT(host),
	                                   FMT(host), FMT(auth)));
	arena_free(&a);
}

/* --- addresses --- */

static void on_connect(uv_connect_t *r, int status)
{
	struct dial_work *w = OWNER(r, struct dial_work, connect);
	if (w->ending || w->again || w->fail.next)
		return;
	if (status < 0) {
		give_up_address(w, uv_strerror(status));
		return;
	}
	timer_cancel(&w->attempt);
	if (w->target->tls && w->target->proxy_host.n) {
		ask_proxy(w);
		return;
	}
	if (w->target->tls && !start_tls(w))
		return;
	conn_start(&w->dial->conn);
	opened(w);
}

static void on_attempt_over(struct timer *t)
{
	give_up_address(OWNER(t, struct dial_work, attempt), "connecting took too long");
}

static void try_address(struct dial_work *w)
{
	struct conn *c = &w->dial->conn;
	int bad = uv_tcp_connect(&w->connect, &c->uv.tcp, (struct sockaddr *)&w->found.at[w->at], on_connect);
	if (bad) {
		fail_with(w, uv_strerror(bad));
		return;
	}
	size_t left = w->found.n - w->at;
	if (left > 1 && w->end_ms) {
		int64_t ms = (w->end_ms - loop_now_ms(w->loop)) / (int64_t)left;
		timer_start(w->loop, &w->attempt, ms > ADDRESS_LEAST_MS ? ms : ADDRESS_LEAST_MS, on_attempt_over);
	}
}

static void dial_on_name(struct name_query *q, const struct addresses *found, const char *why)
{
	struct dial_work *w = OWNER(q, struct dial_work, query);
	if (!found) {
		fail_with(w, why);
		return;
	}
	w->found = *found;
	try_address(w);
}

void dial_start(struct dial *d, struct loop *l, struct names *names, struct ssl_ctx_st *tls,
                const struct http_target *t, int64_t connect_ms)
{
	struct dial_work *w = d->work = xalloc(sizeof *w);
	*w = (struct dial_work){.dial = d, .loop = l, .names = names, .tls = tls, .target = t};
	w->end_ms = connect_ms ? loop_now_ms(l) + connect_ms : 0;
	if (t->unix_path.n) {
		char path[108];
		snprintf(path, sizeof path, "%.*s", FMT(t->unix_path));
		conn_init_unix(&d->conn, l, &dial_events);
		uv_pipe_connect(&w->connect, &d->conn.uv.pipe, path, on_connect);
		return;
	}
	/* Opened before the name is known, so that every end goes through closed(). */
	conn_init_tcp(&d->conn, l, &dial_events);
	struct str host = t->proxy_host.n ? t->proxy_host : t->host, port = t->proxy_host.n ? t->proxy_port : t->port;
	if (names_known(names, host, port, &w->found))
		try_address(w);
	else
		name_ask(names, &w->query, host, port, dial_on_name);
}

void dial_close(struct dial *d)
{
	struct dial_work *w = d->work;
	w->ending = true;
	w->again = false;
	name_cancel(&w->query);
	timer_cancel(&w->attempt);
	defer_cancel(&w->fail);
	conn_close(&d->conn);
}
