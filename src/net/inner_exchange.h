/* inner_exchange.h - inside of an exchange without a connection, for exchange.c. Loop thread. */
#pragma once
#include "net/inner.h"
#include "net/peer.h"

/* On the heap, until it is answered or its owner and its handler have let go. */
struct inner_exchange {
	struct exchange x;
	struct inner *owner; /* NULL: cancelled */
	struct loop *loop;
	struct service *service;
	struct arena arena;
	struct buf answer;
	int status;
	struct deferred after;
	size_t most; /* of `answer` */
	bool held;
};

void inner_begin(struct inner_exchange *ix, int status);
void inner_add(struct inner_exchange *ix, const struct str *parts, size_t n);
/* More gathers than a slow reader's connection may hold (net.reader_bytes). */
bool inner_full(const struct inner_exchange *ix);
/* The answer is complete; `cut`: it never will be. */
void inner_end(struct inner_exchange *ix, bool cut);
/* Its owner is gone: tells the handler, once it listens. */
void inner_after(struct inner_exchange *ix);
