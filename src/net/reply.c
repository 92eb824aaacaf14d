/* reply.c - one event stream in its forms. */
#include "net/reply_lane.h"
#include "net/reply_setup.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "net/inner.h"
#include "net/websocket.h"

enum {
	PAD = 16, /* delta and obfuscation together are a multiple of this */
};

struct reply {
	struct exchange *x;      /* NULL in ws form */
	struct reply_lane *lane; /* NULL in the others */
	struct loop *loop;
	struct reply_owner *owner;
	struct reader reader;
	struct timer quiet;
	int64_t last_ms;  /* when something was last sent */
	int64_t event_ms; /* when an event was; a comment is none */
	enum reply_form form;
	bool obfuscates, sent; /* sent: an event left (ws) */
	uint8_t pad_key[crypto_shorthash_BYTES]; /* stands for the response id */
};

static uint8_t secret[crypto_shorthash_KEYBYTES];

void reply_setup(const uint8_t key[16])
{
	static_assert(crypto_shorthash_KEYBYTES == 16, "the size in reply.h");
	memcpy(secret, key, sizeof secret);
}

static void free_reply(struct reply *r)
{
	if (r->lane)
		r->lane->reply = NULL;
	timer_cancel(&r->quiet);
	xfree(r);
}

void reply_gone(struct reply *r)
{
	struct reply_owner *owner = r->owner;
	free_reply(r);
	owner->gone(owner);
}

void reply_room(struct reply *r)
{
	r->owner->room(r->owner);
}

static void reply_on_gone(struct reader *reader)
{
	reply_gone(OWNER(reader, struct reply, reader));
}

static void reply_on_room(struct reader *reader)
{
	reply_room(OWNER(reader, struct reply, reader));
}

static void reply_begin(struct reply *r)
{
	if (exchange_begun(r->x))
		return;
	if (r->form == REPLY_JSON) {
		exchange_begin(r->x, 200, S("application/json"), &r->reader);
		return;
	}
	exchange_add_header(r->x, S("Cache-Control"), S("no-cache"));
	exchange_add_header(r->x, S("X-Accel-Buffering"), S("no"));
	exchange_begin(r->x, 200, S("text/event-stream; charset=utf-8"), &r->reader);
}

static int64_t quiet_ms(const struct reply *r)
{
	return (r->form == REPLY_JSON && !exchange_begun(r->x) ? net_limits.quiet_json_seconds : net_limits.quiet_seconds) * 1000;
}

/* The timer is not set anew by each event: it looks at last_ms when it fires. */
static void on_quiet(struct timer *t)
{
	struct reply *r = OWNER(t, struct reply, quiet);
	int64_t now = loop_now_ms(r->loop), left = r->last_ms + quiet_ms(r) - now;
	if (left > 0) {
		timer_start(r->loop, t, left, on_quiet);
		return;
	}
	/* From here on an error has no status of its own: proxies would cut what stays silent. */
	reply_begin(r);
	exchange_write(r->x, r->form == REPLY_JSON ? S(" ") : S(": keep-alive\n\n"));
	r->last_ms = now;
	timer_start(r->loop, t, quiet_ms(r), on_quiet);
}

struct reply *reply_open(struct exchange *x, enum reply_form form, struct reply_owner *owner)
{
	struct reply *r = xalloc(sizeof *r);
	*r = (struct reply){
	    .x = x, .loop = exchange_loop(x), .owner = owner, .form = form, .reader = {reply_on_gone, reply_on_room}};
	r->last_ms = r->event_ms = loop_now_ms(r->loop);
	exchange_watch(x, &r->reader);
	if (!exchange_is_inner(x)) /* nothing stands between that would give up */
		timer_start(r->loop, &r->quiet, quiet_ms(r), on_quiet);
	return r;
}

struct reply *reply_open_lane(struct reply_lane *lane, struct loop *l, struct reply_owner *owner)
{
	struct reply *r = xalloc(sizeof *r);
	*r = (struct reply){.lane = lane, .loop = l, .owner = owner, .form = REPLY_WS};
	r->last_ms = r->event_ms = loop_now_ms(l);
	lane->reply = r;
	return r; /* silence is broken by the WebSocket's pings */
}

void reply_give(struct reply *r, struct reply_owner *owner)
{
	r->owner = owner;
}

/* --- obfuscation --- */

void reply_obfuscate(struct reply *r, struct str response_id)
{
	crypto_shorthash(r->pad_key, (const uint8_t *)response_id.p, response_id.n, secret);
	r->obfuscates = true;
}

/* Fills pad[PAD] with letters and digits that depend on response and sequence number alone. */
static void make_pad(const struct reply *r, int64_t seq, char *pad)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	struct {
		uint8_t key[crypto_shorthash_BYTES];
		int64_t seq, block;
	} in = {.seq = seq};
	static_assert(PAD % crypto_shorthash_BYTES == 0, "whole blocks");
	memcpy(in.key, r->pad_key, sizeof in.key);
	for (size_t i = 0; i < PAD; i += crypto_shorthash_BYTES, in.block++) {
		uint8_t out[crypto_shorthash_BYTES];
		crypto_shorthash(out, (const uint8_t *)&in, sizeof in, secret);
		for (size_t k = 0; k < sizeof out; k++)
			pad[i + k] = letters[out[k] % 62];
	}
}

/* --- the stream --- */

struct pieces {
	struct str at[10];
	size_t n;
};

static void reply_add(struct pieces *p, struct str s)
{
	p->at[p->n++] = s;
}

/* The event's object, and what is put beside its members. */
static void add_object(struct reply *r, struct pieces *p, struct str json, const char *pad, size_t n_pad)
{
	struct str stream_id = r->lane ? r->lane->stream_id : (struct str){0};
	if (!n_pad && !stream_id.n) {
		reply_add(p, json);
		return;
	}
	assert(json.n >= 2 && json.p[json.n - 1] == '}');
	bool comma = json.n > 2;
	reply_add(p, (struct str){json.p, json.n - 1});
	if (n_pad) {
		reply_add(p, comma ? S(",\"obfuscation\":\"") : S("\"obfuscation\":\""));
		reply_add(p, (struct str){pad, n_pad});
		comma = true;
	}
	if (stream_id.n) {
		reply_add(p, n_pad ? S("\",\"stream_id\":\"") : comma ? S(",\"stream_id\":\"") : S("\"stream_id\":\""));
		reply_add(p, stream_id);
	}
	reply_add(p, S("\"}"));
}

void reply_event(struct reply *r, struct str name, struct str json, int64_t seq, int64_t delta)
{
	struct pieces p = {.n = 0};
	char pad[PAD];
	size_t n_pad = 0;
	if (r->form == REPLY_JSON)
		return;
	r->last_ms = r->event_ms = loop_now_ms(r->loop);
	if (r->obfuscates && delta >= 0) {
		make_pad(r, seq, pad);
		n_pad = PAD - (size_t)delta % PAD;
	}
	if (r->form == REPLY_WS) {
		if (json.n > REPLY_FRAME_MOST)
			json = r->lane->shrink(r->lane, json);
		r->sent = true;
		add_object(r, &p, json, pad, n_pad);
		websocket_send(r->lane->ws, p.at, p.n);
		return;
	}
	reply_begin(r);
	if (name.n) { /* Chat Completions has events without */
		reply_add(&p, S("event: "));
		reply_add(&p, name);
		reply_add(&p, S("\n"));
	}
	reply_add(&p, S("data: "));
	add_object(r, &p, json, pad, n_pad);
	reply_add(&p, S("\n\n"));
	exchange_write_parts(r->x, p.at, p.n);
}

bool reply_full(const struct reply *r)
{
	return r->lane ? websocket_full(r->lane->ws) : exchange_full(r->x);
}

int64_t reply_event_ms(const struct reply *r)
{
	return r->event_ms;
}

bool reply_open_head(const struct reply *r)
{
	return r->lane ? !r->sent : !exchange_begun(r->x);
}

void reply_header(struct reply *r, struct str name, struct str value)
{
	if (r->x && !exchange_begun(r->x))
		exchange_add_header(r->x, name, value);
}

/* --- the end --- */

void reply_end(struct reply *r, int status, struct str body)
{
	struct exchange *x = r->x;
	enum reply_form form = r->form;
	if (form == REPLY_WS) {
		free_reply(r);
		return;
	}
	if (form == REPLY_SSE)
		reply_begin(r);
	exchange_unwatch(x);
	free_reply(r);
	if (form == REPLY_SSE) {
		exchange_write(x, S("data: [DONE]\n\n"));
		exchange_end(x);
	} else if (exchange_begun(x)) {
		exchange_write(x, body);
		exchange_end(x);
	} else {
		exchange_send(x, status, S("application/json"), body);
	}
}

/* The 200 left with the first space or comment. */
static void fail_late(struct exchange *x, struct service *s, enum reply_form form, const struct err *e)
{
	struct str body = s->failure(s, x, e);
	if (form == REPLY_SSE) {
		struct str parts[] = {S("event: error\ndata: "), body, S("\n\ndata: [DONE]\n\n")};
		exchange_write_parts(x, parts, sizeof parts / sizeof *parts);
	} else {
		exchange_write(x, body);
	}
	exchange_end(x);
}

void reply_fail(struct reply *r, const struct err *e)
{
	struct exchange *x = r->x;
	struct reply_lane *lane = r->lane;
	enum reply_form form = r->form;
	if (lane) {
		free_reply(r);
		lane->refuse(lane, e);
		return;
	}
	struct service *s = exchange_service(x);
	bool begun = exchange_begun(x);
	exchange_unwatch(x);
	free_reply(r);
	if (!s || (begun && !s->failure))
		exchange_abort(x);
	else if (begun)
		fail_late(x, s, form, e);
	else
		s->refuse(s, x, e);
}

void reply_release(struct reply *r)
{
	exchange_unwatch(r->x);
	free_reply(r);
}

void reply_drop(struct reply *r)
{
	struct exchange *x = r->x;
	if (x)
		exchange_unwatch(x);
	free_reply(r);
	if (x)
		exchange_abort(x);
}
