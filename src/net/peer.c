/* peer.c - one client's connection: the states of peer.h. */
#include "net/peer.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "net/body_sink.h"
#include "net/upgrade.h"

enum {
	DROP_MOST = 64 * 1024,  /* a refused body up to here is read to keep the connection */
	PACE_LEAST = 64 * 1024, /* what a body that goes to a sink must bring in net.body_seconds */
	ROOM = 416,             /* of the arena: what is kept of a usual request beside its head and body */
};

static void peer_feed(struct peer *p, struct str in);
static void peer_on_deadline(struct timer *t);

/* --- leaving --- */

static void free_peer(struct peer *p)
{
	defer_cancel(&p->after);
	body_release(&p->body);
	http_release(&p->http);
	buf_release(&p->kept);
	arena_free(&p->arena);
	if (p->server)
		server_remove(p->server, p);
	xfree(p);
}

static void on_conn_closed(struct conn *c)
{
	struct peer *p = OWNER(c, struct peer, conn);
	p->closed = true;
	if (p->x.at == X_NONE)
		free_peer(p);
}

/* The sink of a body that does not come to its end hears of it. */
static void cut_sink(struct peer *p)
{
	struct body_sink *k = p->x.intake.sink;
	p->x.intake.sink = NULL;
	if (k)
		k->cut(k);
}

void exchange_over(struct peer *p, int status)
{
	struct service *s = p->server ? server_service(p->server) : NULL;
	if (s && s->ended && p->x.at != X_NONE)
		s->ended(s, &p->x, status);
	p->x.at = X_NONE;
}

/* The exchange is no more, and its reader hears of it. */
static void tell_gone(struct peer *p)
{
	struct reader *r = p->x.reader;
	if (p->x.at == X_NONE || !r)
		return;
	exchange_over(p, 0);
	p->x.reader = NULL;
	r->gone(r);
}

void peer_close(struct peer *p)
{
	if (p->at == AT_GONE)
		return;
	/* Until handle() is called nobody but a reader knows of the exchange. */
	bool unknown = p->at < AT_RUN && p->x.at == X_OPEN && !p->x.reader;
	p->at = AT_GONE;
	timer_cancel(&p->deadline);
	timer_cancel(&p->stall);
	defer_cancel(&p->after);
	conn_close(&p->conn);
	if (unknown)
		exchange_over(p, 0);
	cut_sink(p);
	tell_gone(p);
}

/* Says FIN after what is written and waits a moment for the client to close: closing with unread
 * bytes would make the kernel send a reset, which can destroy the answer on its way. */
static void linger(struct peer *p)
{
	p->at = AT_LINGER;
	buf_release(&p->kept);
	body_reset(&p->body);
	conn_finish(&p->conn);
	int64_t ms = net_limits.linger_seconds * 1000;
	timer_start(p->conn.loop, &p->deadline, ms ? ms : 50, peer_on_deadline);
}

void peer_cut(struct peer *p)
{
	p->at = AT_CUT;
	timer_cancel(&p->deadline);
	peer_after(p);
}

void peer_close_idle(struct peer *p)
{
	if (p->at == AT_IDLE)
		peer_close(p);
	else if (p->at == AT_TAP)
		p->x.tap->drain(p->x.tap);
}

/* --- refusing --- */

/* Answers a failure in the service's words. */
static void peer_refuse(struct peer *p, const struct err *e)
{
	if (p->x.at == X_NONE)
		exchange_open(p);
	cut_sink(p);
	conn_resume(&p->conn); /* what was held is read and dropped */
	if (p->x.at == X_OPEN && p->server) {
		struct service *s = server_service(p->server);
		s->refuse(s, &p->x, e);
	}
	if (p->x.at != X_NONE) /* an answer had begun */
		peer_close(p);
}

/* The same, and the connection ends. */
static void refuse_last(struct peer *p, const struct err *e)
{
	p->last = true;
	peer_refuse(p, e);
}

/* A body that goes to a sink may take its time, if it does come. */
static bool keeps_pace(struct peer *p)
{
	struct exchange_intake *in = &p->x.intake;
	int64_t took_us = clock_mono_us() - p->x.req.began_us, brought = in->seen - in->marked;
	in->marked = in->seen;
	return in->sink && (in->held || brought >= PACE_LEAST) && took_us / 1000000 < net_limits.upload_seconds;
}

static void peer_on_deadline(struct timer *t)
{
	struct peer *p = OWNER(t, struct peer, deadline);
	struct err e = {0};
	switch (p->at) {
	case AT_HEAD:
		fail(&e, ERR_REQUEST_TIMEOUT, NULL, "The request's headers did not arrive in time.");
		refuse_last(p, &e);
		return;
	case AT_BODY:
		if (keeps_pace(p)) {
			timer_start(p->conn.loop, t, net_limits.body_seconds * 1000, peer_on_deadline);
			return;
		}
		fail(&e, ERR_REQUEST_TIMEOUT, NULL, "The request's body did not arrive in time.");
		refuse_last(p, &e);
		return;
	case AT_LINGER:
		/* A long answer may still be on its way; the stall timer watches it. */
		if (conn_waiting(&p->conn) > 0) {
			timer_start(p->conn.loop, t, 1000, peer_on_deadline);
			return;
		}
		break;
	default:
		break;
	}
	peer_close(p);
}

/* --- the request --- */

static enum method method_shown(const struct http *h)
{
	return h->in_body ? h->method : METHOD_OTHER;
}

void exchange_open(struct peer *p)
{
	struct exchange *x = &p->x;
	bool head = p->http.in_body;
	*x = (struct exchange){.at = X_OPEN};
	arena_start(&p->arena, ROOM);
	x->last_extra = &x->extra;
	x->req = (struct exchange_request){
	    .method = method_shown(&p->http),
	    .method_text = head ? p->http.method_text : S(""),
	    .target = head ? p->http.target : S(""),
	    .path = S(""),
	    .query = S(""),
	    .body = S(""),
	    .peer = str_of(p->address),
	    .loopback = p->loopback,
	    .owner = p->owner,
	    .tls = p->tls,
	    .began_us = clock_mono_us(),
	};
	x->req.request_id = id_random(x->id, "req");
	if (head)
		http_split_target(p->http.target, &x->req.path, &x->req.query);
	x->mute = x->req.method == METHOD_HEAD;
}

bool peer_keeps(const struct peer *p)
{
	if (p->last || !p->server || server_draining(p->server) || !p->http.keep_alive || !p->http.in_body)
		return false;
	if (p->at == AT_RUN)
		return true;
	/* Answered before the body was read: a short one can be dropped, unless the client waits for
	 * "100 Continue" and may or may not send it now. */
	const struct http *h = &p->http;
	return !h->chunked && (h->length == 0 || (h->length <= DROP_MOST && !h->expect_continue));
}

void peer_answered(struct peer *p)
{
	exchange_over(p, p->at == AT_GONE ? 0 : p->x.status);
	p->x.reader = NULL;
	if (p->at == AT_GONE) {
		peer_after(p);
		return;
	}
	if (!p->x.keep) {
		linger(p);
		return;
	}
	p->at = p->at == AT_RUN ? AT_NEXT : AT_DROP;
	if (p->at == AT_NEXT && !p->feeding)
		peer_after(p);
}

static bool over_most(const struct exchange_intake *in, struct err *e)
{
	return fail(e, ERR_TOO_LARGE, NULL, "The request body is larger than %lld bytes.", (long long)in->most);
}

static void peer_on_piece(struct http *h, struct str piece)
{
	struct peer *p = OWNER(h, struct peer, http);
	struct exchange_intake *in = &p->x.intake;
	if (p->at != AT_BODY || p->x.at != X_OPEN || p->body_err->code != ERR_NONE)
		return;
	if (!in->sink) {
		body_feed(&p->body, piece, p->body_err);
		return;
	}
	in->seen += (int64_t)piece.n;
	if (in->seen > in->most)
		over_most(in, p->body_err);
	else
		in->sink->piece(in->sink, piece, p->body_err);
}

/* Its length and coding are known: may the body come? */
static bool begin_body(struct peer *p, struct err *e)
{
	const struct http *h = &p->http;
	const struct exchange_intake *in = &p->x.intake;
	struct str coding = http_field(h, S("content-encoding"));
	if (!in->sink)
		return body_begin(&p->body, coding, h->length, e);
	if (h->length > (uint64_t)in->most)
		return over_most(in, e);
	if (coding.n && !str_eq_nocase(coding, S("identity")))
		return fail(e, ERR_MEDIA_TYPE, NULL, "Unsupported Content-Encoding. Files are sent as they are.");
	return true;
}

/* The head is complete: may the body come? */
static void peer_on_head(struct peer *p)
{
	struct http *h = &p->http;
	struct service *s = server_service(p->server);
	struct err e = {0};
	bool has_body = h->chunked || h->length > 0;
	exchange_open(p);
	timer_start(p->conn.loop, &p->deadline, net_limits.body_seconds * 1000, peer_on_deadline);
	p->at = AT_BODY;
	if (!s->head(s, &p->x, &e)) {
		peer_refuse(p, &e);
		return;
	}
	if (p->at != AT_BODY || p->x.at != X_OPEN || !has_body)
		return;
	if (!begin_body(p, &e)) {
		refuse_last(p, &e);
		return;
	}
	if (h->expect_continue)
		conn_write(&p->conn, S("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void on_request(struct peer *p)
{
	struct service *s = server_service(p->server);
	struct err e = {0};
	if (p->at != AT_BODY) { /* answered already */
		if (p->at == AT_DROP)
			p->at = AT_NEXT;
		return;
	}
	if (!body_end(&p->body, &e)) {
		refuse_last(p, &e);
		return;
	}
	timer_cancel(&p->deadline);
	p->at = AT_RUN;
	if (p->x.at == X_BEGUN) /* in head() already */
		return;
	struct body_sink *k = p->x.intake.sink;
	p->x.intake.sink = NULL;
	p->x.req.body = buf_str(&p->body.bytes);
	if (k) {
		conn_resume(&p->conn);
		k->end(k);
	} else {
		s->handle(s, &p->x);
	}
}

/* Makes ready for the next head. */
static void next_request(struct peer *p)
{
	p->at = AT_IDLE;
	http_next(&p->http);
	body_reset(&p->body);
	arena_reset(&p->arena);
	if (!p->server || server_draining(p->server)) {
		linger(p);
		return;
	}
	timer_start(p->conn.loop, &p->deadline, net_limits.idle_seconds * 1000, peer_on_deadline);
}

/* Keeps what came while a request runs. */
static void peer_keep(struct peer *p, struct str in)
{
	if (in.n == 0)
		return;
	if (!p->kept.max)
		buf_init(&p->kept, (size_t)net_limits.pipeline_bytes);
	buf_add(&p->kept, in);
	if (p->kept.over)
		peer_close(p);
}

/* One step of the request that is read. false: no more of `in` is wanted now. */
static bool step(struct peer *p, struct str *in)
{
	struct err e = {0};
	p->body_err = &e;
	enum http_step got = http_feed(&p->http, in, &e);
	if (got == STEP_BAD || e.code) {
		if (p->at == AT_DROP)
			peer_close(p);
		else
			refuse_last(p, &e);
		return false;
	}
	if (got == STEP_HEAD)
		peer_on_head(p);
	else if (got == STEP_END)
		on_request(p);
	return got != STEP_MORE;
}

static void peer_feed(struct peer *p, struct str in)
{
	p->feeding = true;
	for (bool more = true; more;) {
		if (p->at == AT_NEXT)
			next_request(p);
		if (p->at == AT_IDLE) {
			if (in.n == 0)
				break;
			p->at = AT_HEAD;
			timer_start(p->conn.loop, &p->deadline, net_limits.head_seconds * 1000, peer_on_deadline);
		}
		if (p->at == AT_RUN || p->at >= AT_TAP)
			break;
		more = step(p, &in);
	}
	p->feeding = false;
	if (p->at == AT_RUN || p->at == AT_TAP)
		peer_keep(p, in);
}

static void on_after(struct deferred *d)
{
	struct peer *p = OWNER(d, struct peer, after);
	if (p->at == AT_NEXT || p->at == AT_TAP) {
		struct buf had = p->kept;
		buf_init(&p->kept, (size_t)net_limits.pipeline_bytes);
		if (p->at == AT_NEXT)
			peer_feed(p, buf_str(&had));
		else if (had.n)
			p->x.tap->read(p->x.tap, buf_str(&had));
		buf_release(&had);
	} else if (p->at == AT_CUT) {
		peer_close(p);
	} else if (p->at == AT_GONE) {
		tell_gone(p); /* a reader that came too late */
		if (p->closed && p->x.at == X_NONE)
			free_peer(p);
	}
}

void peer_after(struct peer *p)
{
	defer_start(p->conn.loop, &p->after, on_after);
}

/* --- events of the connection --- */

static void on_conn_read(struct conn *c, struct str bytes)
{
	struct peer *p = OWNER(c, struct peer, conn);
	switch (p->at) {
	case AT_LINGER:
	case AT_CUT:
	case AT_GONE:
		return;
	case AT_RUN:
	case AT_NEXT: /* on_after() is on its way */
		peer_keep(p, bytes);
		return;
	case AT_TAP:
		if (p->kept.n) /* on_after() is on its way, too */
			peer_keep(p, bytes);
		else
			p->x.tap->read(p->x.tap, bytes);
		return;
	default:
		peer_feed(p, bytes);
	}
}

static void on_conn_gone(struct conn *c, int why)
{
	peer_close(OWNER(c, struct peer, conn));
}

static void on_stall(struct timer *t)
{
	struct peer *p = OWNER(t, struct peer, stall);
	uint64_t sent = conn_sent(&p->conn);
	if (sent == p->stall_sent) {
		peer_close(p);
		return;
	}
	p->stall_sent = sent;
	timer_start(p->conn.loop, t, net_limits.stall_seconds * 1000, on_stall);
}

static void on_conn_wrote(struct conn *c)
{
	struct peer *p = OWNER(c, struct peer, conn);
	if (p->at == AT_GONE)
		return;
	if (!c->flight) {
		timer_cancel(&p->stall);
	} else if (!p->stall.loop) {
		p->stall_sent = conn_sent(c);
		timer_start(c->loop, &p->stall, net_limits.stall_seconds * 1000, on_stall);
	}
	struct exchange *x = &p->x;
	if (x->full && conn_waiting(c) <= (size_t)net_limits.reader_bytes / 2) {
		x->full = false;
		if (x->at == X_BEGUN && x->reader)
			x->reader->room(x->reader);
	}
}

static const struct conn_events events = {on_conn_read, on_conn_gone, on_conn_wrote, on_conn_closed};

static bool peer_open(struct peer *p, int fd, bool is_unix, struct ssl_ctx_st *tls)
{
	struct loop *l = server_loop(p->server);
	int bad;
	if (is_unix) {
		conn_init_unix(&p->conn, l, &events);
		bad = uv_pipe_open(&p->conn.uv.pipe, fd);
	} else {
		conn_init_tcp(&p->conn, l, &events);
		bad = uv_tcp_open(&p->conn.uv.tcp, fd);
	}
	if (bad) {
		close(fd);
		return false;
	}
	if (tls) {
		SSL *ssl = SSL_new(tls);
		if (!ssl)
			return false;
		SSL_set_accept_state(ssl);
		conn_tls(&p->conn, ssl);
	}
	conn_start(&p->conn);
	return true;
}

void peer_start(struct server *s, int fd, const struct peer_options *o)
{
	struct peer *p = xalloc(sizeof *p);
	p->server = s;
	p->tls = o->tls != NULL;
	p->loopback = o->loopback;
	p->owner = o->owner;
	snprintf(p->address, sizeof p->address, "%s", o->address);
	http_init(&p->http, peer_on_piece);
	body_init(&p->body);
	buf_init(&p->kept, (size_t)net_limits.pipeline_bytes);
	server_add(s, p);
	if (!peer_open(p, fd, o->is_unix, o->tls)) {
		peer_close(p);
		return;
	}
	timer_start(p->conn.loop, &p->deadline, net_limits.idle_seconds * 1000, peer_on_deadline);
	if (o->full) {
		struct err e = {0};
		fail(&e, ERR_UNAVAILABLE, NULL, "The server has too many connections. Please retry.");
		e.retry_after_ms = 1000;
		refuse_last(p, &e);
	}
}
