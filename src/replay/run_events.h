/* run_events.h - the events of a background run in the form of a batch, as the store keeps them. Pure. */
#pragma once
#include "base/buf.h"

enum { RUN_EVENT_KEPT = -2 /* instead of a delta: no event, but what an item is kept as */ };

/* One event in the form of a batch. */
void run_event_pack(struct buf *b, int64_t delta, struct str json);
struct run_event {
	struct str name, json; /* as reply_event() wants them */
	int64_t delta;
};
/* The next event of what is left of a batch, which is moved on; false at its end. */
bool run_event_next(struct str *rest, struct run_event *ret);
/* The same with what is kept beside them (RUN_EVENT_KEPT): the name is {0}, the JSON {"output_index","item"}. */
bool run_entry_next(struct str *rest, struct run_event *ret);
