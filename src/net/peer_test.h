/* peer_test.h - a scripted HTTP peer on the test's own loop: what it hears, how often, what it answers.
 *
 * Tests only. The peer reads whole requests (head and Content-Length) and calls answer() for each. */
#pragma once
#include <stdlib.h>
#include <string.h>
#include <openssl/ssl.h>

#include "base/arena.h"
#include "net/conn.h"

struct peer_conn;
struct peer {
	struct loop *loop;
	union {
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} listener;
	bool is_unix;
	int port, accepts, requests, gone;
	SSL_CTX *tls;   /* speak TLS from the start */
	bool proxy;     /* answer CONNECT, then TLS */
	void (*answer)(struct peer *, struct peer_conn *, struct str request);
	struct peer_conn *conns;
};
struct peer_conn {
	struct conn conn;
	struct peer *peer;
	struct peer_conn *next;
	struct buf in;
	struct timer later; /* for the test */
	struct str rest;    /* what `later` sends */
	bool closed;
};

static void peer_say(struct peer_conn *pc, const char *text)
{
	conn_write(&pc->conn, str_of(text));
}

static size_t peer_request_size(struct str in)
{
	const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);
	if (!end)
		return 0;
	size_t head = (size_t)(end - in.p) + 4, body = 0;
	const char *at = memmem(in.p, head, "Content-Length: ", 16);
	if (at)
		body = strtoul(at + 16, NULL, 10);
	return in.n >= head + body ? head + body : 0;
}

static void peer_read(struct conn *c, struct str bytes)
{
	struct peer_conn *pc = OWNER(c, struct peer_conn, conn);
	struct peer *p = pc->peer;
	size_t n;
	buf_add(&pc->in, bytes);
	while (!pc->conn.closing && (n = peer_request_size(buf_str(&pc->in))) > 0) {
		struct arena a = {0};
		struct str request = str_copy(&a, (struct str){pc->in.p, n});
		buf_drop(&pc->in, n);
		p->requests++;
		if (p->proxy && str_starts(request, S("CONNECT "))) {
			peer_say(pc, "HTTP/1.1 200 go on\r\n\r\n");
			conn_touch(c);
			SSL *ssl = SSL_new(p->tls);
			SSL_set_accept_state(ssl);
			/* The answer must be out before the connection turns to TLS. */
			defer_cancel(&c->flush);
			uv_buf_t b = uv_buf_init(c->out.p, (unsigned)c->out.n);
			uv_try_write(&c->uv.stream, &b, 1);
			buf_clear(&c->out);
			conn_tls(c, ssl);
		} else {
			p->answer(p, pc, request);
		}
		arena_free(&a);
	}
}

static void peer_gone(struct conn *c, int why)
{
	OWNER(c, struct peer_conn, conn)->peer->gone++;
	conn_close(c);
}

static void peer_closed(struct conn *c)
{
	struct peer_conn *pc = OWNER(c, struct peer_conn, conn);
	timer_cancel(&pc->later);
	buf_release(&pc->in);
	pc->closed = true;
}

static const struct conn_events peer_events = {.read = peer_read, .gone = peer_gone, .closed = peer_closed};

static void peer_accept(uv_stream_t *s, int status)
{
	struct peer *p = s->data;
	struct peer_conn *pc = xalloc(sizeof *pc);
	pc->peer = p;
	pc->next = p->conns;
	p->conns = pc;
	p->accepts++;
	buf_init(&pc->in, 1 << 28);
	if (p->is_unix)
		conn_init_unix(&pc->conn, p->loop, &peer_events);
	else
		conn_init_tcp(&pc->conn, p->loop, &peer_events);
	uv_accept(s, &pc->conn.uv.stream);
	if (p->tls && !p->proxy) {
		SSL *ssl = SSL_new(p->tls);
		SSL_set_accept_state(ssl);
		conn_tls(&pc->conn, ssl);
	}
	conn_start(&pc->conn);
}

/* `path` NULL: a free port of 127.0.0.1. */
static void peer_open(struct peer *p, struct loop *l, const char *path,
                      void (*answer)(struct peer *, struct peer_conn *, struct str))
{
	struct sockaddr_in in;
	int size = sizeof in;
	p->loop = l;
	p->answer = answer;
	p->is_unix = path != NULL;
	if (path) {
		uv_pipe_init(loop_uv(l), &p->listener.pipe, 0);
		uv_pipe_bind(&p->listener.pipe, path);
	} else {
		uv_tcp_init(loop_uv(l), &p->listener.tcp);
		uv_ip4_addr("127.0.0.1", 0, &in);
		uv_tcp_bind(&p->listener.tcp, (struct sockaddr *)&in, 0);
	}
	p->listener.stream.data = p;
	uv_listen(&p->listener.stream, 64, peer_accept);
	if (!path) {
		uv_tcp_getsockname(&p->listener.tcp, (struct sockaddr *)&in, &size);
		p->port = ntohs(in.sin_port);
	}
}

/* Before loop_close(); peer_free() after it. */
static void peer_close(struct peer *p)
{
	if (!uv_is_closing((uv_handle_t *)&p->listener))
		uv_close((uv_handle_t *)&p->listener, NULL);
	for (struct peer_conn *pc = p->conns; pc; pc = pc->next)
		if (!pc->closed)
			conn_close(&pc->conn);
}

static void peer_free(struct peer *p)
{
	while (p->conns) {
		struct peer_conn *pc = p->conns;
		p->conns = pc->next;
		xfree(pc);
	}
}
