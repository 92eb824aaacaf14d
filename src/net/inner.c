/* inner.c - a request that this program makes of itself. */
#include "net/inner_exchange.h"

#include <assert.h>

#include "base/clock.h"
#include "base/id.h"

static void inner_free(struct inner_exchange *ix)
{
	defer_cancel(&ix->after);
	buf_release(&ix->answer);
	arena_free(&ix->arena);
	xfree(ix);
}

/* --- its life ---------------------------------------------------------------------------------------------------- */

/* --- a stream ---------------------------------------------------------------------------------------------------- */

static bool inner_streams(const struct inner_exchange *ix)
{
	return ix->owner && ix->owner->piece && ix->status == 200 && ix->answer.n && !ix->answer.over && !ix->held;
}

bool inner_full(const struct inner_exchange *ix)
{
	return ix->owner && ix->owner->piece && ix->answer.n > (size_t)net_limits.reader_bytes;
}

/* Its owner may cancel, so that *ix is gone behind the call. */
static void inner_tell_piece(struct inner_exchange *ix)
{
	struct buf taken = ix->answer;
	struct inner *in = ix->owner;
	struct reader *r = ix->x.full ? ix->x.reader : NULL;
	buf_init(&ix->answer, ix->most);
	ix->x.full = false;
	if (ix->x.at == X_NONE)
		inner_after(ix);
	else if (r)
		r->room(r);
	in->piece(in, buf_str(&taken));
	buf_release(&taken);
}

/* Answered: who asked is told. Left: the handler is, if it listens; else it will answer some day. */
static void inner_on_after(struct deferred *d)
{
	struct inner_exchange *ix = OWNER(d, struct inner_exchange, after);
	struct inner *in = ix->owner;
	if (inner_streams(ix)) {
		inner_tell_piece(ix);
	} else if (ix->x.at == X_NONE && ix->held) {
		return; /* inner_hold() comes */
	} else if (ix->x.at == X_NONE) {
		struct inner_answer a = {ix->answer.over ? 0 : ix->status, buf_str(&ix->answer), ix->x.req.request_id};
		if (in) {
			in->at = NULL;
			in->done(in, &a);
		}
		inner_free(ix);
	} else if (ix->x.reader) {
		struct reader *r = ix->x.reader;
		ix->x.reader = NULL;
		r->gone(r);
		inner_free(ix);
	}
}

void inner_after(struct inner_exchange *ix)
{
	defer_start(ix->loop, &ix->after, inner_on_after);
}

struct exchange *inner_open(struct inner *in, struct loop *l, const struct inner_ask *ask)
{
	struct inner_exchange *ix = xalloc(sizeof *ix);
	struct exchange *x = &ix->x;
	assert(!in->at);
	ix->owner = in;
	ix->loop = l;
	ix->service = ask->service;
	ix->most = ask->most;
	buf_init(&ix->answer, ask->most);
	*x = (struct exchange){.at = X_OPEN, .inner = ix};
	x->last_extra = &x->extra;
	x->req = (struct exchange_request){.method = ask->method,
					   .method_text = S("POST"),
					   .path = str_copy(&ix->arena, ask->path),
					   .query = S(""),
					   .body = str_copy(&ix->arena, ask->body),
					   .peer = S("self"),
					   .loopback = true,
					   .began_us = clock_mono_us()};
	x->req.target = x->req.path;
	x->req.request_id = id_random(x->id, "req");
	in->at = ix;
	return x;
}

void inner_cancel(struct inner *in)
{
	struct inner_exchange *ix = in->at;
	if (!ix)
		return;
	ix->owner = NULL;
	ix->held = false;
	in->at = NULL;
	struct reader *r = ix->x.reader;
	if (ix->x.at == X_NONE) {
		inner_free(ix);
	} else if (r) {
		ix->x.reader = NULL;
		r->gone(r);
		inner_free(ix);
	}
}

void inner_hold(struct inner *in, bool hold)
{
	if (!in->at || in->at->held == hold)
		return;
	in->at->held = hold;
	if (!hold && (in->at->answer.n || in->at->x.at == X_NONE))
		inner_after(in->at);
}

bool exchange_is_inner(const struct exchange *x)
{
	return x->inner != NULL;
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

void inner_begin(struct inner_exchange *ix, int status)
{
	ix->status = status;
	ix->x.at = X_BEGUN;
}

void inner_add(struct inner_exchange *ix, const struct str *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add(&ix->answer, parts[i]);
	ix->x.full |= inner_full(ix);
	if (inner_streams(ix))
		inner_after(ix);
}

void inner_end(struct inner_exchange *ix, bool cut)
{
	ix->x.at = X_NONE;
	ix->x.reader = NULL;
	if (cut)
		ix->status = 0;
	inner_after(ix);
}
