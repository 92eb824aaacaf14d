/* nodes_door.h - the nodes that share a store, as their owner sees them and has them drain: over the admin socket.
 * Blocks. */
#pragma once
#include "store/nodes.h"
#include "wire/jout.h"
#include "wire/json.h"

/* {"data": [{"node", "state": "serves" | "drains" | "ended" | "dead", "here", "leads", "started_at", "silent_ms",
 * "address", "version"}]}. `body` not NULL: {"node": N, "drain": true | false} is done first. */
bool nodes_answer(struct store *s, yyjson_val *body, struct jout *o, struct err *e);
