/* inner.h - a request that this program makes of itself: an exchange without a connection.
 *
 * It is answered by the same handlers as a client's, through the same functions (exchange.h); what they answer is
 * gathered and told to who asked, with the answer's own status: silence is never broken here. Who wants a stream gets
 * it in pieces, and may hold it: the handler then finds its reader full. Loop thread. */
#pragma once
#include "net/exchange.h"

struct inner_answer {
	int status; /* 0: none, it was cut off or has more than `most` bytes */
	struct str body, request_id;
};
struct inner { /* embed it; {0}: idle */
	void (*done)(struct inner *,
		     const struct inner_answer *a); /* from a deferred call; what it gets goes after it */
	/* A piece of a 200's body that is not complete yet, borrowed for the call; from a deferred call, too, and before
	 * done(), which then gets what is left. May cancel. NULL: the body gathers. */
	void (*piece)(struct inner *, struct str bytes);
	struct inner_exchange *at; /* NULL: idle */
};
struct inner_ask {
	struct service *service;
	enum method method;
	struct str path, body; /* copied */
	size_t most;           /* bytes of the answer; of a stream: of what gathers between two pieces */
};
/* The exchange is open: its slot and its handler are the caller's business. */
struct exchange *inner_open(struct inner *in, struct loop *l, const struct inner_ask *ask);
/* done() never comes; the handler hears that its reader left. Idle or not. */
void inner_cancel(struct inner *in);
/* No piece comes until it is let go. Idle or not. */
void inner_hold(struct inner *in, bool hold);
bool exchange_is_inner(const struct exchange *x);

/* --- for exchange.c --- */
struct inner_exchange;
void inner_begin(struct inner_exchange *ix, int status);
void inner_add(struct inner_exchange *ix, const struct str *parts, size_t n);
/* More gathers than a slow reader's connection may hold (net.reader_bytes). */
bool inner_full(const struct inner_exchange *ix);
/* The answer is complete; `cut`: it never will be. */
void inner_end(struct inner_exchange *ix, bool cut);
/* Its owner is gone: tells the handler, once it listens. */
void inner_after(struct inner_exchange *ix);
