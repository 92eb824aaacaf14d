/* reply.c - one event stream in its forms. */
#include "net/reply.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/arena.h"

enum {
	QUIET_MS = 15 * 1000,      /* silence before a comment, or a further space */
	JSON_QUIET_MS = 60 * 1000, /* silence before the head of a JSON answer */
	PAD = 16,                  /* delta and obfuscation together are a multiple of this */
};

struct reply {
	struct exchange *x;
	struct reply_owner *owner;
	struct reader reader;
	struct timer quiet;
	int64_t last_ms; /* when something was last sent */
	enum reply_form form;
	bool obfuscates;
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
	timer_cancel(&r->quiet);
	xfree(r);
}

static void on_gone(struct reader *reader)
{
	struct reply *r = OWNER(reader, struct reply, reader);
	struct reply_owner *owner = r->owner;
	free_reply(r);
	owner->gone(owner);
}

static void on_room(struct reader *reader)
{
	struct reply *r = OWNER(reader, struct reply, reader);
	r->owner->room(r->owner);
}

static struct loop *loop_of(const struct reply *r)
{
	return exchange_loop(r->x);
}

static void begin(struct reply *r)
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
	return r->form == REPLY_JSON && !exchange_begun(r->x) ? JSON_QUIET_MS : QUIET_MS;
}

/* The timer is not set anew by each event: it looks at last_ms when it fires. */
static void on_quiet(struct timer *t)
{
	struct reply *r = OWNER(t, struct reply, quiet);
	int64_t now = loop_now_ms(loop_of(r)), left = r->last_ms + quiet_ms(r) - now;
	if (left > 0) {
		timer_start(loop_of(r), t, left, on_quiet);
		return;
	}
	/* Before the first event an SSE answer can still become an error: it stays silent. */
	if (r->form == REPLY_JSON) {
		begin(r);
		exchange_write(r->x, S(" "));
	} else if (exchange_begun(r->x)) {
		exchange_write(r->x, S(": keep-alive\n\n"));
	}
	r->last_ms = now;
	timer_start(loop_of(r), t, QUIET_MS, on_quiet);
}

struct reply *reply_open(struct exchange *x, enum reply_form form, struct reply_owner *owner)
{
	struct reply *r = xalloc(sizeof *r);
	*r = (struct reply){.x = x, .owner = owner, .form = form, .reader = {on_gone, on_room}};
	r->last_ms = loop_now_ms(loop_of(r));
	exchange_watch(x, &r->reader);
	timer_start(loop_of(r), &r->quiet, quiet_ms(r), on_quiet);
	return r;
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

void reply_event(struct reply *r, struct str name, struct str json, int64_t seq, int64_t delta)
{
	if (r->form != REPLY_SSE)
		return;
	begin(r);
	r->last_ms = loop_now_ms(loop_of(r));
	struct str parts[8] = {S("event: "), name, S("\ndata: "), json, S("\n\n")};
	size_t n = 5;
	if (!name.n) { /* Chat Completions: events without a name */
		parts[0] = S("");
		parts[2] = S("data: ");
	}
	char pad[PAD];
	if (r->obfuscates && delta >= 0) {
		assert(json.n >= 2 && json.p[json.n - 1] == '}');
		make_pad(r, seq, pad);
		parts[3].n--;
		parts[4] = json.n > 2 ? S(",\"obfuscation\":\"") : S("\"obfuscation\":\"");
		parts[5] = (struct str){pad, PAD - (size_t)delta % PAD};
		parts[6] = S("\"}\n\n");
		n = 7;
	}
	exchange_write_parts(r->x, parts, n);
}

bool reply_full(const struct reply *r)
{
	return exchange_full(r->x);
}

int64_t reply_last_ms(const struct reply *r)
{
	return r->last_ms;
}

bool reply_open_head(const struct reply *r)
{
	return !exchange_begun(r->x);
}

enum reply_form reply_form(const struct reply *r)
{
	return r->form;
}

void reply_header(struct reply *r, struct str name, struct str value)
{
	if (!exchange_begun(r->x))
		exchange_add_header(r->x, name, value);
}

/* --- the end --- */

void reply_end(struct reply *r, int status, struct str body)
{
	struct exchange *x = r->x;
	enum reply_form form = r->form;
	if (form == REPLY_SSE)
		begin(r);
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

void reply_fail(struct reply *r, const struct err *e)
{
	struct exchange *x = r->x;
	struct service *s = exchange_service(x);
	bool begun = exchange_begun(x);
	exchange_unwatch(x);
	free_reply(r);
	if (begun || !s)
		exchange_abort(x);
	else
		s->refuse(s, x, e);
}

void reply_drop(struct reply *r)
{
	struct exchange *x = r->x;
	exchange_unwatch(x);
	free_reply(r);
	exchange_abort(x);
}
