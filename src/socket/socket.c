/* socket.c - WebSocket mode of /v1/responses. */
#include "socket/socket.h"

#include <assert.h>
#include <string.h>

#include "socket/socket_steers.h"
#include "socket/socket_text.h"

#include "base/log.h"
#include "socket/socket_parts.h"
#include "turn/turn_start.h"

static const struct str key_gone = STR("the key is not valid any more");

static void fail_old(struct err *e)
{
	int64_t minutes = (api_limits.socket_seconds + 59) / 60;
	fail(e, ERR_CONNECTION_LIMIT, NULL,
	     "Responses websocket connection limit reached (%lld minutes). Create a new websocket connection to continue.",
	     (long long)minutes);
}

/* Between two responses: is it time to go? */
static void socket_settle(struct socket *s)
{
	struct err e = {0};
	if (s->running || s->waiting || !(s->old || s->draining))
		return;
	if (s->old) {
		fail_old(&e);
		socket_say_error(s, &e, (struct str){0});
	}
	websocket_close(&s->ws, CLOSE_AWAY, s->old ? S("connection limit reached") : S("the server is shutting down"));
}

static void on_life(struct timer *t)
{
	struct socket *s = OWNER(t, struct socket, life);
	s->old = true;
	socket_settle(s);
}

/* --- the turn's side --- */

/* A failure forgets what the request stood on, when that is this lane's: as OpenAI's WebSocket mode does. */
static void lane_evict(struct lane *l, struct str previous)
{
	if (l->memory.id.n && str_eq(l->memory.id, previous))
		memory_drop(&l->memory);
}

static bool on_recall(struct turn_link *link, struct str id, struct turn *t)
{
	struct order *o = OWNER(link, struct order, link);
	for (struct lane *l = o->socket->lanes; l; l = l->next)
		if (l->memory.id.n && str_eq(l->memory.id, id)) {
			memory_give(&l->memory, t);
			return true;
		}
	return false;
}

static void socket_remember(struct order *o, struct turn *t)
{
	struct lane *l = o->lane;
	size_t others = 0;
	bool whole = t->step == STEP_DONE && (t->response.status == RS_COMPLETED || t->response.status == RS_INCOMPLETE);
	if (!whole) {
		lane_evict(l, o->previous);
	} else if (t->req.store) {
		memory_drop(&l->memory);
	} else {
		for (struct lane *other = o->socket->lanes; other; other = other->next)
			others += other == l ? 0 : other->memory.counted;
		memory_take(&l->memory, t, others);
	}
}

static void pump(struct socket *s);

/* The key may have been revoked since: what waits with it is not begun. */
static bool still_may(struct socket *s)
{
	struct err e = {0};
	if (auth_key(s->rq, &e))
		return true;
	socket_say_error(s, &e, (struct str){0});
	websocket_close(&s->ws, CLOSE_POLICY, key_gone);
	return false;
}

static void socket_on_next(struct deferred *d)
{
	struct socket *s = OWNER(d, struct socket, next);
	if (s->waiting && !websocket_closing(&s->ws) && !still_may(s))
		return;
	pump(s);
	socket_settle(s);
}

static void order_unlink(struct order *o)
{
	struct order **at = &o->socket->running;
	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	o->socket->n_running--;
	o->lane->running = NULL;
}

static struct str on_shrink(struct reply_lane *lane, struct str json)
{
	struct socket *s = OWNER(lane, struct order, reply)->socket;
	buf_clear(&s->text);
	socket_shrink(&s->text, json, REPLY_FRAME_MOST);
	struct str small = buf_str(&s->text);
	s->text.n = 0; /* what socket_say() begins with; the bytes stay until then */
	return small;
}

static void socket_on_refuse(struct reply_lane *lane, const struct err *e)
{
	struct order *o = OWNER(lane, struct order, reply);
	if (!steers_refused(o, e))
		socket_say_error(o->socket, e, lane->stream_id);
}

/* --- orders --- */

static void socket_on_ended(struct turn_link *link, struct turn *t);

static struct order *order_new(struct socket *s, struct lane *l, struct str text, struct str previous)
{
	struct order *o = xalloc(sizeof *o + text.n + previous.n);
	memcpy(o->text, text.p, text.n);
	o->socket = s;
	o->lane = l;
	o->body = (struct str){o->text, text.n};
	if (previous.n)
		o->previous = (struct str){memcpy(o->text + text.n, previous.p, previous.n), previous.n};
	o->link = (struct turn_link){.recall = on_recall, .ended = socket_on_ended};
	steers_init(&o->steers);
	steers_init(&o->carried);
	o->reply =
	    (struct reply_lane){.ws = &s->ws, .stream_id = l->name, .shrink = on_shrink, .refuse = socket_on_refuse};
	return o;
}

/* What goes on after `o` runs before what waits on the lane. */
static void order_follow(struct order *o, struct str body, struct str previous)
{
	struct socket *s = o->socket;
	struct order *next = order_new(s, o->lane, body, previous);
	next->follows = true;
	steers_move(&next->carried, &o->steers);
	next->next = s->waiting;
	if (!s->waiting)
		s->last = &next->next;
	s->waiting = next;
	s->n_waiting++;
	socket_count(s, next->body.n, 0);
}

static void socket_on_ended(struct turn_link *link, struct turn *t)
{
	struct order *o = OWNER(link, struct order, link);
	struct socket *s = o->socket;
	struct buf body;
	assert(!o->reply.reply);
	socket_remember(o, t);
	order_unlink(o);
	buf_init(&body, SIZE_MAX / 2);
	if (steers_settle(o, t, &body))
		order_follow(o, buf_str(&body), t->response.id);
	buf_release(&body);
	xfree(o);
	defer_start(s->ws.loop, &s->next, socket_on_next);
}

static void order_start(struct socket *s, struct order *o)
{
	struct buf body;
	o->next = s->running;
	s->running = o;
	s->n_running++;
	o->lane->running = o;
	buf_init(&body, SIZE_MAX / 2);
	struct str text = steers_begin(o, &body) ? buf_str(&body) : o->body;
	/* May end at once, and then `o` is gone. */
	turn_start_lane(s->rq, text, &o->reply, &o->link);
	buf_release(&body);
}

/* Starts what may run: the first that wait, whose lanes are idle. */
static void pump(struct socket *s)
{
	struct order **at = &s->waiting;
	while (*at && s->n_running < (size_t)api_limits.socket_running && !websocket_closing(&s->ws)) {
		struct order *o = *at;
		if (o->lane->running) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		if (s->last == &o->next)
			s->last = at;
		s->n_waiting--;
		socket_count(s, 0, o->body.n);
		order_start(s, o);
	}
}

/* What keeps a response.create out, whatever it asks. */
static bool admit(struct socket *s, yyjson_val *body, size_t bytes, struct err *e)
{
	if (s->old) {
		fail_old(e);
		return false;
	}
	if (s->draining || atomic_load(&s->rq->api->api->draining)) {
		e->retry_after_ms = 5000;
		return fail(e, ERR_UNAVAILABLE, NULL, "The server is shutting down. Please retry in a few seconds.");
	}
	/* A key may have been revoked since the handshake. */
	if (!auth_key(s->rq, e))
		return false;
	enum socket_room room = socket_room(s, bytes);
	if (s->n_waiting >= (size_t)api_limits.socket_waiting || room == ROOM_NOT_HERE) {
		e->retry_after_ms = 1000;
		return fail(e, ERR_BUSY, NULL, "Too many requests wait on this websocket connection. Please retry in a moment.");
	}
	if (room == ROOM_NOWHERE) {
		e->retry_after_ms = 1000;
		return fail(e, ERR_BUSY, NULL, "Too many requests wait on all websocket connections. Please retry in a moment.");
	}
	if (yyjson_is_true(json_get(body, S("background"))))
		return fail(e, ERR_UNSUPPORTED_PARAMETER, "background",
		            "Unsupported parameter: 'background' is not supported over a websocket connection.");
	return true;
}

static void on_create(struct socket *s, yyjson_val *body, struct str text)
{
	struct err e = {0};
	struct str previous = json_str(json_get(body, S("previous_response_id")));
	struct lane *l = socket_lane(s, body, &e);
	if (l && admit(s, body, text.n, &e)) {
		struct order *o = order_new(s, l, text, previous);
		*s->last = o;
		s->last = &o->next;
		s->n_waiting++;
		socket_count(s, text.n, 0);
		pump(s);
		return;
	}
	if (l)
		lane_evict(l, previous);
	socket_say_error(s, &e, l ? l->name : (struct str){0});
	if (err_rows[e.code].status == 401)
		websocket_close(&s->ws, CLOSE_POLICY, key_gone);
}

/* --- in --- */

static const struct {
	struct str type;
	void (*run)(struct socket *, yyjson_val *, struct str);
} messages[] = {
	{STR("response.create"), on_create},
	{STR("response.steer"), steers_take},
};

static void message(struct socket *s, yyjson_val *body, struct str text, struct err *e)
{
	struct str type = json_str(json_get(body, S("type")));
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		if (str_eq(messages[i].type, type)) {
			messages[i].run(s, body, text);
			return;
		}
	if (!yyjson_is_obj(body))
		fail(e, ERR_INVALID_TYPE, NULL, "Invalid message: expected an object with a 'type'.");
	else if (!type.p)
		fail(e, ERR_MISSING_PARAMETER, "type", "Missing required parameter: 'type'.");
	else
		fail(e, ERR_INVALID_VALUE, "type",
		     "Invalid value: '%.*s'. Supported values are: 'response.create' and 'response.steer'.",
		     (int)(type.n < 64 ? type.n : 64), type.p);
}

static void socket_on_text(struct websocket *ws, struct str text)
{
	struct socket *s = OWNER(ws, struct socket, ws);
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *body;
	if (json_parse(&a, text, &body, &e))
		message(s, body, text, &e);
	if (e.code)
		socket_say_error(s, &e, (struct str){0});
	arena_free(&a);
}

static void socket_on_room(struct websocket *ws)
{
	struct socket *s = OWNER(ws, struct socket, ws);
	for (struct order *o = s->running, *next; o; o = next) {
		next = o->next;
		if (o->reply.reply)
			reply_room(o->reply.reply);
	}
}

static void socket_on_drain(struct websocket *ws)
{
	struct socket *s = OWNER(ws, struct socket, ws);
	s->draining = true;
	socket_settle(s);
}

/* --- the end --- */

static void socket_on_gone(struct websocket *ws)
{
	struct socket *s = OWNER(ws, struct socket, ws);
	timer_cancel(&s->life);
	defer_cancel(&s->next);
	while (s->running) {
		struct order *o = s->running;
		s->running = o->next;
		if (o->link.turn)
			o->link.turn->reader.link = NULL;
		if (o->reply.reply)
			reply_gone(o->reply.reply);
		steers_drop(s, &o->steers);
		steers_drop(s, &o->carried);
		xfree(o);
	}
	while (s->waiting) {
		struct order *o = s->waiting;
		s->waiting = o->next;
		s->n_waiting--;
		socket_count(s, 0, o->body.n);
		steers_drop(s, &o->carried);
		xfree(o);
	}
	while (s->lanes) {
		struct lane *l = s->lanes;
		s->lanes = l->next;
		memory_drop(&l->memory);
		steers_drop(s, &l->pending);
		xfree(l);
	}
	buf_release(&s->text);
	xfree(s);
}

void socket_open(struct request *rq)
{
	static const struct websocket_events events = {socket_on_text, socket_on_room, socket_on_drain, socket_on_gone};
	struct socket *s = xalloc(sizeof *s);
	struct err e = {0};
	if (!websocket_accept(&s->ws, rq->x, &events, &e)) {
		xfree(s);
		answer_error(rq->x, &e);
		return;
	}
	s->rq = rq;
	s->last = &s->waiting;
	buf_init(&s->text, SIZE_MAX / 2);
	timer_start(s->ws.loop, &s->life, api_limits.socket_seconds * 1000, on_life);
}
