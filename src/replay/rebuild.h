/* rebuild.h - a finished response told again as a stream of events.
 *
 * For answers that were never streamed, for those whose kept events are gone (a restart), and for repeats of an Idempotency-Key: the events that such
 * a response would have sent, each text as one delta. The same response always gives the same events.
 * What is not stored is not told: keepalives, and the event `error` before response.failed. */
#pragma once
#include "net/reply.h"

/* Sends all events of `json` (a whole response object) to `r` and ends it. */
void rebuild_events(struct reply *r, struct arena *a, struct str json);
/* The same, leaving out events up to sequence number `after`. */
void rebuild_events_after(struct reply *r, struct arena *a, struct str json, int64_t after);
