/* route.h - the way of one call through a fleet: what its prompt begins with, whom it has tried, what it holds. Inside engine/ alone. */
#pragma once
#include "engine/slots.h"

struct route {
	struct slot_ask ask; /* but for `front`, constant once it is made, and `tried` */
	enum slot_end end;   /* what its last attempt says of its engine */
	bool has_slot;
	bool held;           /* it needs no slot, but its engine may not go */
	struct hedge *hedge; /* of the request under way; NULL: none */
	bool worked;         /* it has left an engine that may have worked on it */
};
/* `m` as found; `p` is read now. */
struct route route_to(struct arena *a, const struct fleet *f, const struct engine_model *m, const struct prompt *p);
/* Gives back what it holds at `g`; `ms` as in slot_give(). */
void route_give(struct route *r, struct engine *g, int64_t ms);
/* The call has failed at `g`, with nothing told to anybody. true: another one is there to be tried. One that may have `worked` on the
 * call is left once only, since what brings down one engine may bring down the next. */
bool route_leave(struct route *r, struct engine *g, bool worked);
/* How long to wait before the next attempt at the same engine. */
int64_t route_backoff_ms(int attempts);
/* It has waited so long for a slot: too long? Then *e says why. */
bool route_overdue(struct fleet *f, int64_t waited_ms, struct err *e);
