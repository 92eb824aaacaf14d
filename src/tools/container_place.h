/* container_place.h - which container a request means, and what lies in it: settled before anything is made, for the tools that run
 * in containers.
 *
 * What is settled (tool.h, settles()) is an object for the tool alone: {"container_id", "make", "made" (for this turn), "another" (than that of the
 * context's last call), "memory", "network_policy" (as it was asked for),
 * "reach" (network.h, network_told()), "files" (ids), "data" (files that the input carries: {"name", "url"}), "there" (names)}.
 * A container that nobody has made yet has its id already; its row comes with its first call, so a request that calls
 * nothing leaves none. Worker threads. */
#pragma once
#include "container/call.h"
#include "tools/tool.h"
#include "tools/toolrun.h"

/* What an element of `tools` says of its container. */
struct container_ask {
	yyjson_val *container; /* an id, or what an automatic one is to be like: file_ids, memory_limit,
				* network_policy, skills; its place ... */
	const char *path;      /* ... in the request */
	bool now;              /* it is made when it is settled, for the response names it from its beginning */
};
/* Can what it asks for be had here? `type`: the tool's, which stands at `where`. Loop thread. */
bool container_serves(const struct tools_options *o, const char *type, const struct container_ask *ask, const char *where,
		      struct err *e);
/* An id that is not there is ERR_NOT_FOUND, of one that expired "Container is expired.". An automatic one is that of the
 * last call in the context while it lives and has these skills, else a new one. */
bool container_settle(const struct tools *t, struct settling *s, const struct container_ask *ask, struct err *e);
/* One that was made for a turn which came to nothing goes, unless it was used. */
void container_unsettle(const struct tools *t, yyjson_val *settled);
/* The container of a run, made if need be, with the files that belong in it. */
bool container_enter(struct toolrun *run, struct container *ret, struct err *e);
/* The files that lie there and the hosts that it reaches, for a description. */
void container_describe(struct buf *b, yyjson_val *settled);
/* For the model: what was found at a call's end; that an earlier call was cut off. */
void container_tell_files(struct buf *b, const struct cntr_found *found);
void container_tell_cut(struct buf *b);
/* The element of `tools` as a response repeats it: without the secrets of the network_policy in its `member`. */
void container_echo(struct jout *o, yyjson_val *tool, struct str member);
/* What was found at a call's end, as sources that can be cited. */
void container_sources(struct toolrun *run, const struct container *of, const struct cntr_found *found);
