/* echo_server.c - a small server over net/, for tests/test_peers.py only.
 *
 * echo_server [--listen HOST] [--tls-cert FILE --tls-key FILE] [NAME=NUMBER of limits.def ...]
 * Prints "listening on URL". Routes: any path: JSON about the request; /stream?N: N events of 1 KB, with
 * back-pressure; /forever: events until the client leaves; /slow: answers after 300 ms; /refuse: 401 from
 * head(); /left: how many readers were gone; /wait: never answers, notices gone; /bare: waits 300 ms with no
 * reader registered; /abort: cut after a piece; /sink?N: takes the body (at most 64 MB) while it comes, by N bytes and
 * a break, and refuses an 'X' in it; /quit: drains and ends. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/body.h"
#include "net/body_sink.h"
#include "net/reply.h"
#include "net/reply_setup.h"
#include "net/tls.h"

struct echo {
	struct service service;
	struct server *server;
	struct loop *loop;
	struct timer quit;
	int gone, rooms, running;
};

/* One request that is answered slowly. */
struct slow {
	struct echo *echo;
	struct exchange *x;
	struct reply *reply;
	struct reply_owner owner;
	struct reader reader;
	struct timer timer;
	int64_t left, seq;
};

static void end_slow(struct slow *s)
{
	timer_cancel(&s->timer);
	s->echo->running--;
	xfree(s);
}

static void on_reply_gone(struct reply_owner *o)
{
	struct slow *s = OWNER(o, struct slow, owner);
	s->echo->gone++;
	end_slow(s);
}

static void echo_server_on_reader_gone(struct reader *r)
{
	struct slow *s = OWNER(r, struct slow, reader);
	s->echo->gone++;
	end_slow(s);
}

static void on_no_room(struct reader *r)
{
}

static void produce(struct slow *s)
{
	static char filler[1024];
	memset(filler, 'x', sizeof filler);
	while (s->left != 0 && !reply_full(s->reply)) {
		char json[1200];
		snprintf(json, sizeof json, "{\"type\":\"delta\",\"sequence_number\":%lld,\"delta\":\"%.*s\"}",
			 (long long)s->seq, (int)sizeof filler, filler);
		reply_event(s->reply, S("delta"), str_of(json), s->seq++, sizeof filler);
		s->left--;
	}
	if (s->left == 0) {
		reply_end(s->reply, 200, S("{}"));
		end_slow(s);
	}
}

static void on_reply_room(struct reply_owner *o)
{
	struct slow *s = OWNER(o, struct slow, owner);
	s->echo->rooms++;
	produce(s);
}

static struct slow *slow_new(struct echo *e, struct exchange *x)
{
	struct slow *s = xalloc(sizeof *s);
	*s = (struct slow){.echo = e,
			   .x = x,
			   .owner = {on_reply_gone, on_reply_room},
			   .reader = {echo_server_on_reader_gone, on_no_room}};
	e->running++;
	return s;
}

static void answer_slowly(struct timer *t)
{
	struct slow *s = OWNER(t, struct slow, timer);
	exchange_send(s->x, 200, S("application/json"), S("{\"slow\":true}"));
	end_slow(s);
}

static void one_event(struct timer *t)
{
	struct slow *s = OWNER(t, struct slow, timer);
	if (!reply_full(s->reply))
		reply_event(s->reply, S("tick"), S("{\"type\":\"tick\",\"delta\":\"tick\"}"), s->seq++, 4);
	timer_start(s->echo->loop, t, 20, one_event);
}

static void stop_when_idle(struct timer *t)
{
	struct echo *e = OWNER(t, struct echo, quit);
	if (server_busy(e->server) == 0)
		loop_stop(e->loop);
	else
		timer_start(e->loop, t, 10, stop_when_idle);
}

/* --- a body taken while it comes --- */

struct taker {
	struct echo *echo;
	struct exchange *x;
	struct body_sink sink;
	struct timer rest;
	int64_t by, bytes, since; /* since: the last break */
	uint64_t sum;
	int64_t breaks;
};

static void on_rested(struct timer *t)
{
	struct taker *k = OWNER(t, struct taker, rest);
	k->since = 0;
	exchange_hold(k->x, false);
}

static bool echo_server_on_piece(struct body_sink *sink, struct str bytes, struct err *e)
{
	struct taker *k = OWNER(sink, struct taker, sink);
	for (size_t i = 0; i < bytes.n; i++) {
		if (bytes.p[i] == 'X')
			return fail(e, ERR_INVALID_VALUE, NULL, "An X.");
		k->sum = k->sum * 31 + (uint8_t)bytes.p[i];
	}
	k->bytes += (int64_t)bytes.n;
	k->since += (int64_t)bytes.n;
	if (k->by && k->since >= k->by && !k->rest.loop) {
		k->breaks++;
		exchange_hold(k->x, true);
		timer_start(k->echo->loop, &k->rest, 2, on_rested);
	}
	return true;
}

static void end_taker(struct taker *k)
{
	timer_cancel(&k->rest);
	k->echo->running--;
	xfree(k);
}

static void echo_server_on_cut(struct body_sink *sink)
{
	struct taker *k = OWNER(sink, struct taker, sink);
	k->echo->gone++;
	end_taker(k);
}

static void on_taken(struct body_sink *sink)
{
	struct taker *k = OWNER(sink, struct taker, sink);
	struct str out = str_fmt(exchange_arena(k->x), "{\"bytes\":%lld,\"sum\":\"%llu\",\"breaks\":%lld,\"body\":%zu}",
				 (long long)k->bytes, (unsigned long long)k->sum, (long long)k->breaks,
				 exchange_request(k->x)->body.n);
	exchange_send(k->x, 200, S("application/json"), out);
	end_taker(k);
}

static void echo_server_take(struct echo *e, struct exchange *x)
{
	struct taker *k = xalloc(sizeof *k);
	*k = (struct taker){.echo = e, .x = x, .sink = {echo_server_on_piece, on_taken, echo_server_on_cut}};
	str_int(exchange_request(x)->query, &k->by);
	e->running++;
	exchange_sink(x, &k->sink, 64 << 20);
}

static void echo_server_describe(struct echo *e, struct exchange *x)
{
	const struct exchange_request *r = exchange_request(x);
	struct str path = r->path, type = exchange_header(x, S("content-type"));
	uint64_t sum = 0;
	for (size_t i = 0; i < r->body.n; i++)
		sum = sum * 31 + (uint8_t)r->body.p[i];
	struct str out =
	    str_fmt(exchange_arena(x),
		    "{\"method\":\"%.*s\",\"path\":\"%.*s\",\"query\":\"%.*s\",\"bytes\":%zu,\"sum\":\"%llu\","
		    "\"type\":\"%.*s\",\"peer\":\"%.*s\",\"loopback\":%s,\"tls\":%s,\"gone\":%d,\"rooms\":%d,"
		    "\"running\":%d,\"inflight\":%zu}\n",
		    FMT(r->method_text), FMT(path), FMT(r->query), r->body.n, (unsigned long long)sum, (int)type.n,
		    type.p ? type.p : "", FMT(r->peer), r->loopback ? "true" : "false", r->tls ? "true" : "false",
		    e->gone, e->rooms, e->running, body_inflight());
	exchange_send(x, 200, S("application/json"), out);
}

static void open_stream(struct slow *s, struct str id)
{
	s->reply = reply_open(s->x, REPLY_SSE, &s->owner);
	reply_obfuscate(s->reply, id);
}

static void echo_server_on_handle(struct service *service, struct exchange *x)
{
	struct echo *e = OWNER(service, struct echo, service);
	const struct exchange_request *r = exchange_request(x);
	if (str_eq(r->path, S("/stream"))) {
		struct slow *s = slow_new(e, x);
		str_int(r->query, &s->left);
		open_stream(s, S("resp_1"));
		produce(s);
	} else if (str_eq(r->path, S("/forever"))) {
		struct slow *s = slow_new(e, x);
		open_stream(s, S("resp_2"));
		one_event(&s->timer);
	} else if (str_eq(r->path, S("/slow")) || str_eq(r->path, S("/bare"))) {
		struct slow *s = slow_new(e, x);
		if (r->path.p[1] == 's')
			exchange_watch(x, &s->reader);
		timer_start(e->loop, &s->timer, 300, answer_slowly);
	} else if (str_eq(r->path, S("/wait"))) {
		exchange_watch(x, &slow_new(e, x)->reader);
	} else if (str_eq(r->path, S("/abort"))) {
		exchange_begin(x, 200, S("text/plain"), NULL);
		exchange_write(x, S("piece"));
		exchange_abort(x);
	} else if (str_eq(r->path, S("/quit"))) {
		server_drain(e->server);
		exchange_send(x, 200, S("text/plain"), S("bye\n"));
		timer_start(e->loop, &e->quit, 10, stop_when_idle);
	} else {
		echo_server_describe(e, x);
	}
}

static bool echo_server_on_head(struct service *service, struct exchange *x, struct err *e)
{
	if (str_eq(exchange_request(x)->path, S("/refuse")))
		return fail(e, ERR_INVALID_KEY, NULL, "Incorrect API key provided.");
	if (str_eq(exchange_request(x)->path, S("/sink")))
		echo_server_take(OWNER(service, struct echo, service), x);
	return true;
}

static void echo_server_on_refuse(struct service *service, struct exchange *x, const struct err *e)
{
	const struct err_row *row = &err_rows[e->code];
	struct str body = str_fmt(exchange_arena(x), "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":\"%s\"}}",
				  e->msg, row->type, row->code ? row->code : "");
	if (e->retry_after_ms > 0)
		exchange_add_header(x, S("Retry-After"), S("1"));
	exchange_send(x, row->status, S("application/json"), body);
}

static bool set_limit(const char *arg)
{
	const char *eq = strchr(arg, '=');
	int64_t value;
	if (!eq || !str_int(str_of(eq + 1), &value))
		return false;
	struct str name = {arg, (size_t)(eq - arg)};
#define LIMIT(limit, def, least, largest, help)                                                                        \
	if (str_eq(name, S(#limit))) {                                                                                 \
		net_limits.limit = value;                                                                              \
		return true;                                                                                           \
	}
#include "net/limits.def"
#undef LIMIT
	return false;
}

static bool serve(struct echo *e, struct listen_options *o, struct err *err)
{
	static const uint8_t key[16] = "0123456789abcde";
	int port;
	reply_setup(key);
	e->service = (struct service){
	    .head = echo_server_on_head, .handle = echo_server_on_handle, .refuse = echo_server_on_refuse};
	if (!loop_open(&e->loop, err))
		return false;
	e->server = server_new(e->loop, &e->service);
	bool ok = server_listen(e->server, o, &port, err);
	if (ok) {
		printf("listening on http%s://%.*s:%d\n", o->tls ? "s" : "", FMT(o->host), port);
		fflush(stdout);
		loop_run(e->loop);
	}
	server_free(e->server);
	loop_close(e->loop);
	return ok;
}

int main(int argc, char **argv)
{
	struct echo e = {0};
	struct err err = {0};
	struct listen_options o = {.host = S("127.0.0.1")};
	struct str cert = {0}, key = {0};
	log_setup(LOG_WARN, false);
	for (int i = 1; i < argc; i++) {
		struct str arg = str_of(argv[i]);
		bool more = i + 1 < argc;
		if (str_eq(arg, S("--listen")) && more)
			o.host = str_of(argv[++i]);
		else if (str_eq(arg, S("--port")) && more)
			o.port = (int)strtol(argv[++i], NULL, 10);
		else if (str_eq(arg, S("--tls-cert")) && more)
			cert = str_of(argv[++i]);
		else if (str_eq(arg, S("--tls-key")) && more)
			key = str_of(argv[++i]);
		else if (!set_limit(argv[i]))
			fail(&err, ERR_CONFIG, NULL, "what is %s?", argv[i]);
	}
	bool ok = !err.code && sodium_init() >= 0 && (!cert.n || tls_serve_open(cert, key, &o.tls, &err)) &&
		  serve(&e, &o, &err);
	if (!ok)
		fprintf(stderr, "echo_server: %s\n", err.msg);
	tls_serve_close(o.tls);
	return ok ? 0 : 1;
}
