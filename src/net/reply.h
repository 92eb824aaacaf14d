/* reply.h - one event stream in three forms: SSE, JSON, WebSocket.
 *
 * The turn renders each event once; the form decides what of it the client sees:
 *   sse   "event: NAME\ndata: JSON\n\n", `data: [DONE]` at the end; a comment after 15 s of silence;
 *   json  only the body given to reply_end(); a space every 15 s from 60 s on, so that no proxy gives up;
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

/* Key for obfuscation (16 bytes); before any reply. */
void reply_setup(const uint8_t secret[16]);
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
/* When something was last sent, loop milliseconds. */
int64_t reply_last_ms(const struct reply *r);
/* The end. sse: [DONE] and the stream's end; json: `body` with `status`; ws: nothing. Frees the reply. */
void reply_end(struct reply *r, int status, struct str body);
/* A failure before any event: both forms answer with the error body made by the service's refuse().
 * Must not be called after reply_event() in sse form. Frees the reply. */
void reply_fail(struct reply *r, const struct err *e);
/* true when a status line can still be chosen. */
bool reply_open_head(const struct reply *r);
/* Headers for the answer, as exchange_add_header(). */
void reply_header(struct reply *r, struct str name, struct str value);
/* Frees the reply without an end, cutting the connection. */
void reply_drop(struct reply *r);
