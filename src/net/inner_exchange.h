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
