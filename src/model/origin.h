/* origin.h - who made an item, and what that engine wants back with it.
 *
 * Kept in the item's hidden member (ITEM_OURS, item.h), which clients can neither see nor send:
 * {"engine", "model", "id": the engine's own id of a call, "thoughts": the member that thoughts came in,
 * "marks": what it signed (engine/marks.h)}. Pure. */
#pragma once
#include "wire/json.h"

struct origin {
	struct str engine, model; /* {0}: a client said it, and any engine is told */
	struct str id, thoughts;
	yyjson_val *marks; /* NULL: none */
};

/* Did a model make this id of the function's name (Kimi's "functions.get_weather:0")? It sees it again then; a random one
 * means nothing to it. */
bool origin_id_speaks(struct str id, struct str name);
/* Out of ITEM_OURS; false: it says nothing of an engine. */
bool origin_read(yyjson_val *ours, struct origin *ret);
/* Its members, inside an open object. `marks` is one JSON object, {0}: none. */
void origin_put(struct jout *o, const struct origin *from, struct str marks);
