/* body_sink.h - a request's body taken while it comes, instead of whole.
 *
 * For bodies that must not lie in memory (files). The head is judged as ever: what it refuses costs no body. Then
 * each piece goes to the sink, and who falls behind holds the connection, so that the client waits and nothing
 * piles up. A Content-Encoding is 415 here. Loop thread. */
#pragma once
#include "net/server.h"

struct body_sink { /* embed it */
	/* A piece, borrowed for the call. false: *e is answered, and cut() follows. */
	bool (*piece)(struct body_sink *, struct str bytes, struct err *e);
	/* The body is complete: in place of the service's handle(). Must end the exchange, now or later. */
	void (*end)(struct body_sink *);
	/* In place of end(): the client left, was too slow or was refused. The exchange is no more the sink's. */
	void (*cut)(struct body_sink *);
};

/* Inside the service's head(), which then returns true. More than `most` bytes is 413; less than 64 KB in
 * net.body_seconds, or no end within net.upload_seconds, is 408. */
void exchange_sink(struct exchange *x, struct body_sink *k, int64_t most);
/* From piece() on: no further pieces (but what of the current read is left) until it is let go. */
void exchange_hold(struct exchange *x, bool hold);
