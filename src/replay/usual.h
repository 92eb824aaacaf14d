/* usual.h - what the events of a usual response look like.
 *
 * A dictionary for whoever packs events: most of what the first and the last event of a response say is the same for all.
 * Pure. */
#pragma once
#include "base/buf.h"

/* Appends some events of a response that nobody asked for. */
void usual_events(struct buf *ret);
