/* call_index.h - tools by their names, for requests that bring very many: each of their calls looks for one.
 *
 * It holds positions, since the array of tools moves when it grows; what is in it keeps its names and its place. Few tools need
 * none: NULL is an index that knows nothing. Lives in the arena. Pure. */
#pragma once
#include "base/map.h"
#include "model/call.h"

struct call_index {
	struct map owns, names; /* of the client's name and the engine's: the position of the last such tool, plus one */
	size_t *before;         /* by position: that of the one before it with the same name of the client's, plus one; 0: none */
	size_t n, cap;          /* tools that it has taken in */
};

/* Takes in those of the n tools that it has not. NULL becomes an index when they are many. */
struct call_index *call_index_add(struct arena *a, struct call_index *ix, const struct function_tool *tools, size_t n);
/* Tools that the client calls so, in no order: `size_t at = 0; while (call_index_own(ix, own, n, &at)) ... tools[at - 1]`. All
 * that are not in the index are among them; so are all where it is NULL. */
bool call_index_own(const struct call_index *ix, struct str own, size_t n, size_t *at);
/* Is a tool in it that the engine knows by that name? */
bool call_index_named(const struct call_index *ix, struct str name);
