/* turn_link.h - a turn on a WebSocket.
 *
 * The socket embeds a link and a lane for the reply in what it keeps of a response.create. Loop thread. */
#pragma once
#include "net/reply_lane.h"
#include "turn/turn.h"

/* A WebSocket's part in its turns: its memory brings contexts, and it hears of their end. Either end cuts by
 * setting the other's pointer to NULL. */
struct turn_link {
	struct turn *turn; /* NULL: none */
	bool steered;      /* it is to end at its next boundary (turn_steer.h) */
	/* true: that response is in memory, and its context now in t->context. */
	bool (*recall)(struct turn_link *, struct str id, struct turn *t);
	void (*ended)(struct turn_link *, struct turn *t); /* it is freed next; link->turn is NULL */
};

static inline bool turn_steered(const struct turn *t)
{
	return t->reader.link && t->reader.link->steered;
}
