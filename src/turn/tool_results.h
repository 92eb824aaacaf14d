/* tool_results.h - results of hosted tools, as the model is told them and as their items keep them. Inside turn/ alone. */
#pragma once
#include "turn/turn.h"

/* What the context's items and the turn's own say of sources: they can be cited. How many searches that item was. */
int64_t told_again(struct turn *t, struct str item_json);
/* The members of the item after its status, what the model is told among them. Numbers the sources. In t->arena.
 * `origin` is settled here. `more`: a further call of the same answer becomes an item behind it. */
struct str told_members(struct turn *t, const struct tool_result *r, bool more,
			struct out_origin *origin);
/* The last pictures that the user sent or a tool made, for one that changes them. In t->arena. */
struct tool_pictures turn_pictures(struct turn *t);
/* A call that was not made, as items: the call, with the members of its origin, and why. */
bool told_refusal(struct turn *t, struct str name, struct str arguments, struct str why, struct str origin,
		  struct item ret[2]);
