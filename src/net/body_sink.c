/* body_sink.c - a request's body taken while it comes. */
#include "net/body_sink.h"

#include <assert.h>

#include "net/peer.h"

void exchange_sink(struct exchange *x, struct body_sink *k, int64_t most)
{
	assert(x->at == X_OPEN && !x->inner && peer_of(x)->at == AT_BODY);
	x->intake = (struct exchange_intake){.sink = k, .most = most};
}

void exchange_hold(struct exchange *x, bool hold)
{
	struct peer *p = peer_of(x);
	x->intake.held = hold;
	if (hold)
		conn_pause(&p->conn);
	else
		conn_resume(&p->conn);
}
