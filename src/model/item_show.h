/* item_show.h - an item as clients see it.
 *
 * An item of a call that we ran is kept with more than clients are shown: what the engine was told (ITEM_OURS, never
 * shown), and the members of hidden.def (shown when `include` asks for them). Items without ITEM_OURS pass as they are:
 * what a client has sent is its own. Pure. */
#pragma once
#include "model/item.h"

/* One bit a row of hidden.def. */
enum {
#define HIDDEN(NAME, include, item, object, member) HIDDEN_ROW_##NAME,
#include "model/hidden.def"
#undef HIDDEN
#define HIDDEN(NAME, include, item, object, member) SHOW_##NAME = 1 << HIDDEN_ROW_##NAME,
#include "model/hidden.def"
#undef HIDDEN
};

/* The bit of an include value; 0: it is none of ours. */
unsigned item_show_bit(struct str include);
/* Appends the item as it is shown. */
void item_show(struct buf *b, struct str json, unsigned show);
/* The same in `a`, or `json` itself where nothing is hidden. */
struct str item_shown(struct arena *a, struct str json, unsigned show);
