/* websocket.h - a connection that became a WebSocket (RFC 6455): handshake, texts both ways, pings, the end.
 *
 * Embedded in its owner. Born in websocket_accept(); ends once, with gone(): the peer left, stalled for
 * net.stall_seconds, broke the protocol, took longer than net.body_seconds over one text, or websocket_close() was called.
 * Extensions and subprotocols that a client offers are declined by not being named. Silence is broken by pings.
 * Callbacks never run inside a function of this header. Loop thread. */
#pragma once
#include "net/frames.h"
#include "net/upgrade.h"

struct websocket;

struct websocket_events {
	void (*text)(struct websocket *, struct str); /* a whole text, valid UTF-8, borrowed */
	void (*room)(struct websocket *);             /* after websocket_full() was true */
	void (*drain)(struct websocket *);            /* the server is going: finish, then websocket_close() */
	void (*gone)(struct websocket *);             /* the end; the memory may be freed */
};

struct websocket {
	const struct websocket_events *events;
	struct exchange *x; /* NULL: closing */
	struct loop *loop;
	struct frames frames;
	struct exchange_tap tap;
	struct reader reader;
	struct timer silence, unfinished; /* unfinished: a text that was begun */
	struct deferred end;
	int64_t heard_ms; /* when bytes came last */
};

/* Does the request ask for a WebSocket, be it badly? (Upgrade: websocket, or a Sec-WebSocket-Key whose Upgrade a
 * proxy took away.) */
bool websocket_wanted(const struct exchange *x);
/* Answers 101 and takes the exchange over. false: *e says what is wrong with the handshake (ERR_UPGRADE or
 * ERR_BAD_REQUEST), the headers for that answer are added, and the exchange is still the caller's. */
bool websocket_accept(struct websocket *ws, struct exchange *x, const struct websocket_events *events,
		      struct err *e);
enum { WEBSOCKET_PARTS = 8 };
/* One text made of at most so many parts; nothing after websocket_close(). */
void websocket_send(struct websocket *ws, const struct str *parts, size_t n);
/* true: stop producing until room(). */
bool websocket_full(const struct websocket *ws);
/* Sends what is waiting and a close frame; then gone(). Legal always, twice too. */
void websocket_close(struct websocket *ws, enum close_code code, struct str reason);
bool websocket_closing(const struct websocket *ws);
