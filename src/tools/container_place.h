/* container_place.h - which container a request means, and what lies in it: settled before anything is made, for the tools that run
 * in containers.
 *
 * What is settled (tool.h, settles()) is an object for the tool alone: {"container_id", "make", "memory", "network_policy" (as it was asked for),
 * "reach" (network.h, network_told()), "files" (ids), "data" (files that the input carries: {"name", "url"}), "there" (names)}.
 * A container that nobody has made yet has its id already; its row comes with its first call, so a request that calls
 * nothing leaves none. Worker threads. */
#pragma once
#include "container/call.h"
#include "tools/tool.h"

/* What an element of `tools` says of its container. */
struct container_ask {
	yyjson_val *container; /* an id, or what an automatic one is to be like: file_ids, memory_limit,
				* network_policy; its place ... */
	const char *path;      /* ... in the request */
};
/* An id that is not there is ERR_NOT_FOUND, of one that expired "Container is expired.". An automatic one is that of the
 * last call in the context while it lives, else a new one. */
bool container_settle(const struct tools *t, struct settling *s, const struct container_ask *ask, struct err *e);
/* The container of a run, made if need be, with the files that belong in it. */
bool container_enter(struct toolrun *run, struct container *ret, struct err *e);
/* The files that lie there and the hosts that it reaches, for a description. */
void container_describe(struct buf *b, yyjson_val *settled);
/* The element of `tools` as a response repeats it: without the secrets of the network_policy in its `member`. */
void container_echo(struct jout *o, yyjson_val *tool, struct str member);
/* What was found at a call's end, as sources that can be cited. */
void container_sources(struct toolrun *run, const struct container *of, const struct cntr_found *found);
