/* beat.h - a node's heartbeat, on a thread of its own: what keeps it alive for the others, and what it knows of them.
 * Inside store/ alone. Nothing of it runs where the database is nobody else's (driver.shared). docs/design/nodes.md. */
#pragma once
#include "store/core.h"

struct beat;
/* Before the first row is written: sets the wall clock to the database's, and reads who is there. */
bool beat_prepare(struct store *s, struct err *e);
/* Once the node has its incarnation. */
bool beat_start(struct store *s, struct err *e);
/* The node ends: for the others it is dead from now on, and leads no more. Before the writer ends. */
void beat_stop(struct store *s);
