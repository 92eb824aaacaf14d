/* client.c - HTTP/1.1 client on the loop, for engines: calls and the pool of their connections. */
#include "net/client.h"

#include <assert.h>
#include <llhttp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "net/client_pool.h"
#include "net/dial.h"

enum {
	HEAD_DEFAULT = 65536,
	POOL_IDLE_MS = 30000, /* how long a kept connection may wait for its next call */
	REQUEST_MAX = 1 << 30,
	WAITING_MOST = 256 * 1024, /* of a body in pieces, before its writer is asked to wait */
};

struct client {
	struct loop *loop;
	struct names *names;
	SSL_CTX *tls; /* NULL until the first https target */
	struct pool *pools;
	struct http_conn *busy; /* list, for client_free() */
	struct timer sweep;     /* closes what has been idle for too long */
};

enum conn_stage { STAGE_DIAL, STAGE_OPEN };

/* One connection and, while `call` is set, the call it works for. */
struct http_conn {
	struct dial dial;
	struct client *client;
	struct pool *pool;
	struct http_conn *next, *prev; /* in the pool's idle or the client's busy list */
	struct http_call *call;        /* NULL: idle or closing */
	llhttp_t parser;
	struct buf request; /* whole, for the one retry */
	struct buf head;    /* "name\0value\0..." */
	struct timer timer;
	int64_t began_ms, sent_ms, last_ms;
	uint64_t body_got;
	enum conn_stage stage;
	bool reused;   /* came from the pool: a death before any byte is no failure yet */
	bool answered; /* a byte of the answer has come */
	bool complete, head_only, paused;
	bool unfinished; /* its body comes in pieces, and the last is not here */
	bool full;       /* its writer was told to wait */
	const char *bad; /* why our own callback stopped the parser */
};

static void conn_dial(struct http_conn *x);

static struct http_conn *of_dial(struct dial *d)
{
	return OWNER(d, struct http_conn, dial);
}

static struct http_conn *of_link(struct conn *c)
{
	return of_dial(OWNER(c, struct dial, conn));
}

/* --- lists --- */

static void client_list_add(struct http_conn **head, struct http_conn *x)
{
	x->prev = NULL;
	x->next = *head;
	if (x->next)
		x->next->prev = x;
	*head = x;
}

static void list_del(struct http_conn **head, struct http_conn *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		*head = x->next;
	if (x->next)
		x->next->prev = x->prev;
	x->next = x->prev = NULL;
}

/* --- a connection's end --- */

static void conn_free(struct http_conn *x)
{
	buf_release(&x->request);
	buf_release(&x->head);
	xfree(x);
}

static void on_dial_closed(struct dial *d)
{
	conn_free(of_dial(d));
}

static void on_link_closed(struct conn *c)
{
	conn_free(of_link(c));
}

/* Closes at once; the memory goes when libuv is done with it. In no list any more. */
static void conn_drop(struct http_conn *x)
{
	timer_cancel(&x->timer);
	x->call = NULL;
	if (x->stage == STAGE_DIAL)
		dial_close(&x->dial);
	else
		conn_close(&x->dial.conn);
}

/* Parts the call from its connection. */
static struct http_call *call_release(struct http_conn *x)
{
	struct http_call *call = x->call;
	list_del(&x->client->busy, x);
	timer_cancel(&x->timer);
	x->call = NULL;
	call->conn = NULL;
	return call;
}

static void call_fail(struct http_conn *x, enum err_code code, const char *fmt, const char *why)
{
	struct err e = {0};
	char text[400];
	snprintf(text, sizeof text, fmt, why);
	fail(&e, code, NULL, "%s", text);
	struct http_call *call = call_release(x);
	conn_drop(x);
	call->on_end(call, &e);
}

/* --- deadlines: one timer, set to the earliest --- */

static void client_least(int64_t *due, int64_t from, int64_t ms)
{
	if (ms > 0 && from + ms < *due)
		*due = from + ms;
}

static int64_t next_deadline(const struct http_conn *x)
{
	const struct http_call *call = x->call;
	int64_t due = INT64_MAX;
	client_least(&due, x->began_ms, call->total_ms);
	if (x->stage == STAGE_DIAL)
		client_least(&due, x->began_ms, call->connect_ms);
	else if (!x->answered)
		client_least(&due, x->sent_ms, call->first_byte_ms);
	else if (!x->paused)
		client_least(&due, x->last_ms, call->idle_ms);
	return due;
}

static void client_on_deadline(struct timer *t);

static void arm(struct http_conn *x)
{
	int64_t due = next_deadline(x);
	if (due < INT64_MAX)
		timer_start(x->client->loop, &x->timer, due - loop_now_ms(x->client->loop), client_on_deadline);
	else
		timer_cancel(&x->timer);
}

static void client_on_deadline(struct timer *t)
{
	struct http_conn *x = OWNER(t, struct http_conn, timer);
	if (next_deadline(x) > loop_now_ms(x->client->loop)) {
		arm(x); /* bytes came in the meantime; they only move last_ms */
		return;
	}
	if (x->stage == STAGE_DIAL)
		call_fail(x, ERR_ENGINE, "the engine could not be reached: %s", "connecting took too long");
	else
		call_fail(x, ERR_ENGINE_TIMEOUT, "the engine %s in time",
		          x->answered ? "did not finish its answer" : "did not begin to answer");
}

/* --- the answer --- */

static struct http_conn *of_parser(llhttp_t *p)
{
	return p->data;
}

static int stop_with(struct http_conn *x, const char *why)
{
	x->bad = why;
	return HPE_USER;
}

static int add_head(llhttp_t *p, const char *at, size_t n)
{
	struct http_conn *x = of_parser(p);
	if (memchr(at, 0, n))
		return stop_with(x, "a NUL in a header");
	buf_add(&x->head, (struct str){at, n});
	return x->head.over ? stop_with(x, "its head is too long") : 0;
}

static int end_head_text(llhttp_t *p)
{
	buf_byte(&of_parser(p)->head, 0);
	return 0;
}

static int on_headers(llhttp_t *p)
{
	struct http_conn *x = of_parser(p);
	if (p->status_code == 101)
		return stop_with(x, "it switched protocols");
	if (p->status_code < 200)
		return 0;
	x->call->head_seen = true;
	buf_trim(&x->head); /* it stands as long as the answer comes */
	x->call->on_head(x->call, p->status_code);
	if (!x->call)
		return HPE_USER; /* cancelled in the callback */
	return x->head_only ? 1 : 0;
}

static int client_on_body(llhttp_t *p, const char *at, size_t n)
{
	struct http_conn *x = of_parser(p);
	x->body_got += n;
	if (x->call->body_max && x->body_got > x->call->body_max)
		return stop_with(x, "its answer is too long");
	x->call->on_body(x->call, (struct str){at, n});
	return x->call ? 0 : HPE_USER;
}

static int on_complete(llhttp_t *p)
{
	struct http_conn *x = of_parser(p);
	if (p->status_code < 200) { /* an interim answer: the real one follows */
		buf_clear(&x->head);
		return 0;
	}
	x->complete = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t parser_calls = {
    .on_status = NULL,
    .on_header_field = add_head,
    .on_header_field_complete = end_head_text,
    .on_header_value = add_head,
    .on_header_value_complete = end_head_text,
    .on_headers_complete = on_headers,
    .on_body = client_on_body,
    .on_message_complete = on_complete,
};

static void on_sweep(struct timer *t)
{
	struct client *c = OWNER(t, struct client, sweep);
	bool left = false;
	for (struct pool *p = c->pools; p; p = p->next)
		for (struct http_conn *x = p->idle, *next; x; x = next) {
			next = x->next;
			if (loop_now_ms(c->loop) - x->last_ms < POOL_IDLE_MS) {
				left = true;
				continue;
			}
			list_del(&p->idle, x);
			conn_drop(x);
		}
	if (left)
		timer_start(c->loop, &c->sweep, POOL_IDLE_MS / 2, on_sweep);
}

/* The whole answer is here: keep the connection if it may be kept, tell the owner. */
static void call_complete(struct http_conn *x, bool keep)
{
	struct client *c = x->client;
	struct http_call *call = call_release(x);
	x->last_ms = loop_now_ms(c->loop);
	if (keep) {
		x->paused = false;
		conn_resume(&x->dial.conn); /* an idle connection must notice its end */
		client_list_add(&x->pool->idle, x);
		if (!c->sweep.loop)
			timer_start(c->loop, &c->sweep, POOL_IDLE_MS / 2, on_sweep);
	} else {
		conn_drop(x);
	}
	struct err none = {0};
	call->on_end(call, &none);
}

static void client_on_read(struct conn *c, struct str bytes)
{
	struct http_conn *x = of_link(c);
	if (!x->call) { /* idle: nobody asked for anything */
		list_del(&x->pool->idle, x);
		conn_drop(x);
		return;
	}
	x->last_ms = loop_now_ms(x->client->loop);
	if (!x->answered) {
		x->answered = true;
		buf_release(&x->request); /* no retry any more */
		arm(x);
	}
	enum llhttp_errno code = llhttp_execute(&x->parser, bytes.p, bytes.n);
	if (!x->call)
		return;
	if (x->complete) {
		const char *end = llhttp_get_error_pos(&x->parser);
		bool all = code == HPE_PAUSED && end == bytes.p + bytes.n;
		call_complete(x, all && llhttp_should_keep_alive(&x->parser) && !conn_waiting(c) && !x->unfinished);
	} else if (code != HPE_OK) {
		call_fail(x, ERR_ENGINE, "the engine's answer is not valid HTTP: %s",
		          x->bad ? x->bad : llhttp_errno_name(code));
	}
}

/* A kept connection was closed under us just as we used it: once more, on a fresh one. */
static void retry_fresh(struct http_conn *x)
{
	struct http_call *call = call_release(x);
	struct http_conn *fresh = xalloc(sizeof *fresh);
	fresh->client = x->client;
	fresh->pool = x->pool;
	fresh->request = x->request;
	fresh->head_only = x->head_only;
	fresh->began_ms = x->began_ms;
	fresh->paused = x->paused;
	buf_init(&x->request, REQUEST_MAX);
	buf_init(&fresh->head, call->head_max ? call->head_max : HEAD_DEFAULT);
	conn_drop(x);
	fresh->call = call;
	call->conn = fresh;
	call->sent = false;
	client_list_add(&fresh->client->busy, fresh);
	conn_dial(fresh);
}

static void client_on_gone(struct conn *c, int why)
{
	struct http_conn *x = of_link(c);
	if (!x->call) {
		list_del(&x->pool->idle, x);
		conn_drop(x);
		return;
	}
	if (!x->answered && x->reused) {
		retry_fresh(x);
		return;
	}
	/* A body without a length ends with the connection: under TLS only with a proper goodbye, since
	 * anybody can cut a TCP connection. */
	bool proper = why == UV_EOF && (!c->ssl || SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN);
	if (proper && x->answered) {
		llhttp_finish(&x->parser);
		if (!x->call)
			return;
		if (x->complete) {
			call_complete(x, false);
			return;
		}
	}
	const char *tls = conn_tls_error(c);
	const char *text = *tls ? tls : why == UV_EOF ? "connection closed" : uv_strerror(why);
	call_fail(x, ERR_ENGINE,
	          x->answered ? "the engine's answer was cut off: %s" : "the engine did not answer: %s", text);
}

static void client_on_wrote(struct conn *c)
{
	struct http_conn *x = of_link(c);
	if (!x->call || !x->full || conn_waiting(c) >= WAITING_MOST)
		return;
	x->full = false;
	if (x->call->on_room)
		x->call->on_room(x->call);
}

static const struct conn_events http_events = {
    .read = client_on_read, .gone = client_on_gone, .wrote = client_on_wrote, .closed = on_link_closed};

/* --- the request --- */

static void conn_send(struct http_conn *x)
{
	llhttp_init(&x->parser, HTTP_RESPONSE, &parser_calls);
	x->parser.data = x;
	x->answered = x->complete = false;
	x->body_got = 0;
	x->bad = NULL;
	x->call->sent = true;
	x->sent_ms = x->last_ms = loop_now_ms(x->client->loop);
	conn_write(&x->dial.conn, buf_str(&x->request));
	if (!x->reused)
		buf_release(&x->request); /* no retry from a fresh connection */
	arm(x);
}

static void on_opened(struct dial *d)
{
	struct http_conn *x = of_dial(d);
	x->stage = STAGE_OPEN;
	d->conn.events = &http_events;
	if (x->paused)
		conn_pause(&d->conn);
	conn_send(x);
}

static void on_dial_failed(struct dial *d, const char *why)
{
	call_fail(of_dial(d), ERR_ENGINE, "the engine could not be reached: %s", why);
}

static void conn_dial(struct http_conn *x)
{
	struct client *c = x->client;
	if (x->pool->target.tls && !c->tls)
		c->tls = dial_tls_new();
	x->stage = STAGE_DIAL;
	x->dial.opened = on_opened;
	x->dial.failed = on_dial_failed;
	x->dial.closed = on_dial_closed;
	dial_start(&x->dial, c->loop, c->names, c->tls, &x->pool->target, x->call->connect_ms);
	arm(x);
}

void http_call_start(struct client *c, struct http_call *call, const struct http_target *t, enum method m,
                     struct str path, struct str headers, struct str body)
{
	assert(!call->conn);
	struct pool *p = client_pool_find(&c->pools, t);
	struct http_conn *x = call->streams ? NULL : p->idle; /* what comes in pieces cannot be sent twice */
	if (x) {
		list_del(&p->idle, x);
		x->reused = true;
	} else {
		x = xalloc(sizeof *x);
		x->client = c;
		x->pool = p;
		buf_init(&x->request, REQUEST_MAX);
	}
	size_t head_max = call->head_max ? call->head_max : HEAD_DEFAULT;
	if (x->head.max != head_max) {
		buf_release(&x->head);
		buf_init(&x->head, head_max);
	}
	buf_clear(&x->head);
	buf_clear(&x->request);
	client_put_request(&x->request, p, m, path, headers, call->streams ? NULL : &body);
	x->unfinished = call->streams;
	x->head_only = m == METHOD_HEAD;
	x->call = call;
	x->began_ms = loop_now_ms(c->loop);
	call->conn = x;
	call->sent = call->head_seen = false;
	client_list_add(&c->busy, x);
	if (x->reused)
		conn_send(x);
	else
		conn_dial(x);
}

/* --- a body in pieces --- */

static void client_put_piece(struct http_conn *x, struct str frame, struct str bytes, struct str end)
{
	struct str parts[] = {frame, bytes, end};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (x->stage == STAGE_DIAL)
			buf_add(&x->request, parts[i]);
		else
			conn_write(&x->dial.conn, parts[i]);
	x->sent_ms = loop_now_ms(x->client->loop); /* its answer may be waited for from here on */
}

bool http_call_write(struct http_call *call, struct str bytes)
{
	struct http_conn *x = call->conn;
	char frame[24];
	if (!x || !x->unfinished)
		return true;
	int n = snprintf(frame, sizeof frame, "%zx\r\n", bytes.n);
	if (bytes.n)
		client_put_piece(x, (struct str){frame, (size_t)n}, bytes, S("\r\n"));
	x->full |= (x->stage == STAGE_DIAL ? x->request.n : conn_waiting(&x->dial.conn)) > WAITING_MOST;
	return !x->full;
}

void http_call_finish(struct http_call *call)
{
	struct http_conn *x = call->conn;
	if (!x || !x->unfinished)
		return;
	client_put_piece(x, S("0\r\n\r\n"), (struct str){0}, (struct str){0});
	x->unfinished = false;
}

struct str http_call_header(const struct http_call *call, struct str name)
{
	if (!call->conn)
		return (struct str){0};
	const char *at = call->conn->head.p, *end = at + call->conn->head.n;
	while (at < end) {
		struct str key = str_of(at), value = str_of(at + key.n + 1);
		if (str_eq_nocase(key, name))
			return str_trim(value);
		at += key.n + value.n + 2;
	}
	return (struct str){0};
}

void http_call_pause(struct http_call *call)
{
	struct http_conn *x = call->conn;
	if (!x)
		return;
	x->paused = true;
	if (x->stage == STAGE_OPEN)
		conn_pause(&x->dial.conn);
}

void http_call_resume(struct http_call *call)
{
	struct http_conn *x = call->conn;
	if (!x)
		return;
	x->paused = false;
	if (x->stage == STAGE_OPEN)
		conn_resume(&x->dial.conn);
	x->last_ms = loop_now_ms(x->client->loop);
	arm(x);
}

void http_call_take(struct http_call *to, struct http_call *from)
{
	struct http_conn *x = from->conn;
	assert(!to->conn && x);
	call_release(x);
	x->call = to;
	to->conn = x;
	to->sent = from->sent;
	to->head_seen = from->head_seen;
}

void http_call_cancel(struct http_call *call)
{
	struct http_conn *x = call->conn;
	if (!x)
		return;
	call_release(x);
	conn_drop(x);
}

/* --- the client --- */

struct client *client_new(struct loop *l)
{
	struct client *c = xalloc(sizeof *c);
	c->loop = l;
	c->names = names_new(l);
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	while (c->busy)
		http_call_cancel(c->busy->call);
	timer_cancel(&c->sweep);
	while (c->pools) {
		struct pool *p = c->pools;
		c->pools = p->next;
		while (p->idle) {
			struct http_conn *x = p->idle;
			list_del(&p->idle, x);
			conn_drop(x);
		}
		arena_free(&p->a);
		xfree(p);
	}
	names_free(c->names);
	SSL_CTX_free(c->tls);
	xfree(c);
}
