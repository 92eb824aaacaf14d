/* item_show.h - an item as clients see it.
 *
 * Pictures and files that were sent whole are shown as references: what a picture's `include` value asks for is null
 * without it, and the bytes of a file are never shown (docs/api.md, Items as they are shown).
 *
 * An item of a call that we ran is kept with more than clients are shown: what the engine was told (ITEM_OURS, never
 * shown), and the members that its tool hides (hosted.h; shown when `include` asks for them). Items without ITEM_OURS keep
 * such members: what a client has sent is its own. Pure. */
#pragma once
#include "model/item.h"

/* The bit of an include value that shows a hidden member; 0: it shows none. */
unsigned item_show_bit(struct str include);
/* Appends the item as it is shown. */
void item_show(struct buf *b, struct str json, unsigned show);
/* The same in `a`, or `json` itself where nothing is hidden. */
struct str item_shown(struct arena *a, struct str json, unsigned show);
