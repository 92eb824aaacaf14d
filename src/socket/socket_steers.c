/* socket_steers.c - what is to be said to a response that runs on a WebSocket: how it waits, and what begins with it.
 */
#include "socket/socket_steers.h"

#include <string.h>

#include "socket/socket_parts.h"
#include "turn/turn_steer.h"

void steers_drop(struct socket *s, struct steers *ss)
{
	socket_count(s, 0, ss->bytes);
	steers_free(ss);
}

/* They are given back. */
static void steers_fail(struct socket *s, struct steers *ss, const char *code, struct str why, struct str stream_id)
{
	for (const struct steer *st = ss->first; st; st = st->next) {
		struct steer_failure f = {code, why, st->id, st->parent, st->input};
		steer_failed_write(&s->text, s->steer_seq++, &f, stream_id);
		socket_say(s);
	}
	steers_drop(s, ss);
}

/* It waits for its client: so do they, until that goes on. */
static bool steers_wait(struct order *o, const struct turn *t)
{
	struct socket *s = o->socket;
	struct buf stubs;
	struct jout out = {&stubs, false};
	buf_init(&stubs, SIZE_MAX / 2);
	bool waits = turn_required_write(t, &out) > 0;
	for (const struct steer *st = o->steers.first; st && waits; st = st->next) {
		steer_pending_write(&s->text, s->steer_seq++, st, buf_str(&stubs), o->lane->name);
		socket_say(s);
	}
	buf_release(&stubs);
	if (waits)
		steers_move(&o->lane->pending, &o->steers);
	return waits;
}

bool steers_settle(struct order *o, const struct turn *t, struct buf *to)
{
	struct socket *s = o->socket;
	struct lane *l = o->lane;
	bool whole =
	    t->step == STEP_DONE && (t->response.status == RS_COMPLETED || t->response.status == RS_INCOMPLETE);
	if (t->created_sent) {
		l->last = (struct str){l->last_text, t->response.id.n};
		memcpy(l->last_text, t->response.id.p, t->response.id.n);
	} else if (!o->follows) { /* refused: they wait on */
		steers_move(&l->pending, &o->carried);
	}
	steers_drop(s, &o->carried);
	if (!o->steers.n || (whole && steers_wait(o, t)))
		return false;
	if (whole && !s->old && !s->draining && !atomic_load(&s->rq->api->api->draining)) {
		steers_body(to, o->body, &o->steers, t->response.id);
		return true;
	}
	steers_fail(s, &o->steers, "successor_creation_failed",
		    S("The response did not end in a way that another could continue."), l->name);
	return false;
}

bool steers_refused(struct order *o, const struct err *e)
{
	if (o->follows)
		steers_fail(o->socket, &o->carried, "successor_creation_failed", str_of(e->msg), o->lane->name);
	return o->follows;
}

bool steers_begin(struct order *o, struct buf *to)
{
	struct steers *pending = &o->lane->pending;
	if (!pending->first || !str_eq(pending->first->parent, o->previous))
		return false;
	steers_move(&o->carried, pending);
	steers_body(to, o->body, &o->carried, (struct str){0});
	return true;
}

/* --- response.steer --- */

static struct order *order_of_response(struct socket *s, struct str id)
{
	struct order *o = s->running;
	while (o && !(o->link.turn && o->link.turn->created_sent && str_eq(o->link.turn->response.id, id)))
		o = o->next;
	return o;
}

static bool has_ended(struct socket *s, struct str id)
{
	for (const struct lane *l = s->lanes; l; l = l->next)
		if (str_eq(l->last, id))
			return true;
	return false;
}

/* Why it cannot be; NULL: it can. */
static const char *steer_fault(struct socket *s, const struct order *o, yyjson_val *body, size_t bytes, struct str *why)
{
	const char *text;
	if (!steer_input_fits(body, &text)) {
		*why = str_of(text);
		return "invalid_input";
	}
	if (!o) {
		bool ended = has_ended(s, json_str(json_get(body, S("previous_response_id"))));
		*why = ended ? S("The response has ended. Send the input with response.create.")
			     : S("This connection has no such response that is running.");
		return ended ? "response_already_completed" : "response_not_found";
	}
	if (!turn_steers(o->link.turn)) {
		*why = S("Steering is not supported with a conversation, nor with context_management.");
		return "steering_not_supported";
	}
	if (o->link.turn->stopping) {
		*why = S("The response is being cancelled.");
		return "response_not_active";
	}
	*why = S("Too much input waits for this response.");
	bool full = o->steers.n >= (size_t)api_limits.socket_steers || socket_room(s, bytes) != ROOM;
	return full ? "too_many_pending_steers" : NULL;
}

void steers_take(struct socket *s, yyjson_val *body, struct str text)
{
	struct err e = {0};
	yyjson_val *input = json_get(body, S("input"));
	struct steer_failure f = {.parent = json_str(json_get(body, S("previous_response_id")))};
	if (!input || !f.parent.p) {
		const char *what = input ? "previous_response_id" : "input";
		fail(&e, ERR_MISSING_PARAMETER, what, "Missing required parameter: '%s'.", what);
		socket_say_error(s, &e, (struct str){0});
		return;
	}
	struct order *o = order_of_response(s, f.parent);
	struct str stream_id = o ? o->lane->name : (struct str){0};
	f.code = steer_fault(s, o, body, text.n, &f.message);
	if (f.code) {
		struct arena a = {0};
		f.input = text.n <= REPLY_FRAME_MOST ? json_text(&a, input) : (struct str){0};
		steer_failed_write(&s->text, s->steer_seq++, &f, stream_id);
		socket_say(s);
		arena_free(&a);
		return;
	}
	struct steer *st = steers_add(&o->steers, f.parent, input);
	socket_count(s, st->input.n, 0);
	steer_accepted_write(&s->text, s->steer_seq++, st, stream_id);
	socket_say(s);
	o->link.steered = true;
	turn_steer(o->link.turn);
}
