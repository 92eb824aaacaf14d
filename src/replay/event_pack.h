/* event_pack.h - events one after the other, each kept as what differs from the one before.
 *
 * Events of one response are alike: between two deltas only the sequence number and some letters change, and
 * response.in_progress says again what response.created said. So a token takes some 10 bytes instead of 250.
 * A packer and an unpacker that start at the same place agree; each is {0} there. Pure, one thread at a time. */
#pragma once
#include "base/buf.h"

struct event_pack {
	struct buf last; /* the event before, without its sequence number */
	int64_t seq;     /* its number */
};
struct packed_event {
	unsigned type;
	int64_t seq, delta; /* delta >= -1 */
	struct str json;
};

void event_pack_init(struct event_pack *p);
void event_pack_release(struct event_pack *p);
/* Appends the event to `out`. */
void event_pack_add(struct event_pack *p, struct buf *out, const struct packed_event *ev);
/* Takes one from the front of *in, which holds whole events as they were added; its JSON goes to `json`. */
void event_pack_take(struct event_pack *p, struct str *in, struct buf *json, struct packed_event *ret);
