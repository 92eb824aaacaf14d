/* reply.h - one event stream in three forms: SSE, JSON, WebSocket.
 *
 * The turn renders each event once; the form decides what of it the client sees:
 *   sse   "event: NAME\ndata: JSON\n\n", `data: [DONE]` at the end; a comment after `net.quiet_seconds` of silence, also
 *         before the first event;
 *   json  only the body given to reply_end(); after `net.quiet_json_seconds` the head and a space, then one every
 *         `net.quiet_seconds` (usual proxies give up after 60 s without a byte);
 *   ws    one text frame an event, under 1 MiB (Python's client takes no more); nothing of its own at the end.
 * A reply belongs to whoever opened it and is freed by reply_end/fail/drop. Loop thread. */
#pragma once
#include "net/exchange.h"

enum reply_form { REPLY_SSE, REPLY_JSON, REPLY_WS };
/* Do events leave in this form? */
static inline bool reply_streams(enum reply_form f)
{
	return f != REPLY_JSON;
}

struct reply;
struct reply_owner {                        /* embedded in the turn or the replay */
	void (*gone)(struct reply_owner *); /* the client left; the reply is freed already */
	void (*room)(struct reply_owner *);
};

/* Takes over the exchange. */
struct reply *reply_open(struct exchange *x, enum reply_form form, struct reply_owner *owner);
/* Another owner from now on. */
void reply_give(struct reply *r, struct reply_owner *owner);
/* Random-looking padding on every event that has a string `delta`: from a keyed hash of response id and
 * sequence number, so that a replay is equal. Off until called. */
void reply_obfuscate(struct reply *r, struct str response_id);
/* One event; with an empty `name` the line `event:` is left out. `json` is the event's object, borrowed for the
 * call; `delta` is the length in bytes of its string delta (obfuscated when >= 0), -1 for events without. */
void reply_event(struct reply *r, struct str name, struct str json, int64_t seq, int64_t delta);
/* true: stop producing until room(). */
bool reply_full(const struct reply *r);
/* When the last event was sent (at first: when it was opened), loop milliseconds. Comments are no events: a client
 * that waits for events does not see them. */
int64_t reply_event_ms(const struct reply *r);
/* The end. sse: [DONE] and the stream's end; json: `body` with `status`; ws: nothing. Frees the reply. */
void reply_end(struct reply *r, int status, struct str body);
/* A failure before any event: answered by the service's refuse(), or, when silence was broken before and so the 200 is
 * out, by the text of its failure(): as the JSON body, or in an event `error` with the stream's end behind it.
 * Must not be called after reply_event() in sse form. Frees the reply. */
void reply_fail(struct reply *r, const struct err *e);
/* true when a status line can still be chosen. */
bool reply_open_head(const struct reply *r);
/* Headers for the answer, as exchange_add_header(). */
void reply_header(struct reply *r, struct str name, struct str value);
/* Frees the reply; the exchange, which may have begun, is the caller's again. Not in ws form. */
void reply_release(struct reply *r);
/* Frees the reply without an end, cutting the connection. */
void reply_drop(struct reply *r);
