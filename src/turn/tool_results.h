/* tool_results.h - results of hosted tools, as the model is told them and as their items keep them. Inside turn/ alone. */
#pragma once
#include "turn/turn.h"

/* What the context's items and the turn's own say of sources: they can be cited. How many searches that item was. */
int64_t told_again(struct turn *t, struct str item_json);
/* What the pictures of that item have used joins the turn's. */
void told_pictures(struct turn *t, struct str item_json);
/* The members of the item after its status, what the model is told among them. Numbers the sources. In t->arena.
 * `origin` is settled here. `more`: a further call of the same answer becomes an item behind it. */
struct str told_members(struct turn *t, const struct tool_result *r, bool more,
			struct out_origin *origin);
/* The pictures among what a call found were shown by the item at this place of the output. After told_members(). */
void told_shown(struct turn *t, const struct tool_result *r, int index);
/* The members after its status of an item that has only begun, with what its text is by now ({0}: nothing yet). In t->arena. */
struct str told_begun(struct turn *t, const struct function_tool *tool, struct str text);
/* The last pictures that the user sent or a tool made, for one that changes them. In t->arena. */
struct tool_pictures turn_pictures(struct turn *t);
/* A call that was not made, as items: the call, with the members of its origin, and why. */
bool told_refusal(struct turn *t, struct str name, struct str arguments, struct str why, struct str origin,
		  struct item ret[2]);
/* What the context's calls found can be cited again. */
void turn_tools_context(struct turn *t);
