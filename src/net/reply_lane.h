/* reply_lane.h - replies in ws form: several on one WebSocket. Loop thread. */
#pragma once
#include "net/reply.h"

struct websocket;
/* Where a reply in ws form goes: one of several on a WebSocket. Embedded in whoever owns that, who also passes
 * on what the socket tells: reply_gone(), reply_room(). */
struct reply_lane {
	struct websocket *ws;
	struct str stream_id; /* beside each event; plain letters; {0}: none */
	/* An event that is too large for a frame, made smaller if that can be; valid until the next call. */
	struct str (*shrink)(struct reply_lane *, struct str json);
	/* Says that the request failed before any event. */
	void (*refuse)(struct reply_lane *, const struct err *e);
	struct reply *reply; /* set by reply_open_lane(); NULL: has ended */
};
enum { REPLY_FRAME_MOST = 1000 * 1000 }; /* what the client's own limit of 1 MiB surely takes */

struct reply *reply_open_lane(struct reply_lane *lane, struct loop *l, struct reply_owner *owner);
/* The WebSocket is gone: frees the reply and tells its owner. / It has room again. */
void reply_gone(struct reply *r);
void reply_room(struct reply *r);
