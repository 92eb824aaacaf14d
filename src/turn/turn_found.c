/* turn_found.c - our own search of deferred tools (tool_search), as the client sees it.
 *
 * The model sees deferred tools from the start: a search would cost it a further call, and small models one mistake
 * more. A client may not know a tool before a search has found it, so the first call of one is told with its search:
 * tool_search_call, tool_search_output, then the call. The engine is never shown either (engine/prompt.c). */
#include "turn/turn_found.h"

#include "turn/turn_output_parts.h"

static struct str search_json(struct turn *t, const struct out_item *it, const struct function_tool *tool, bool done)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "id", it->at.id);
	jo_kstr(&o, "type", str_of(item_rows[it->type].wire));
	jo_kstr(&o, "status", done ? S("completed") : S("in_progress"));
	if (it->type == ITEM_TOOL_SEARCH_CALL) {
		jo_key(&o, S("arguments"));
		jo_obj(&o);
		if (done) {
			jo_key(&o, S("paths"));
			jo_arr(&o);
			jo_str(&o, it->found);
			jo_arr_end(&o);
		}
		jo_obj_end(&o);
	}
	jo_key(&o, S("call_id"));
	jo_null(&o);
	jo_kstr(&o, "execution", S("server"));
	if (it->type == ITEM_TOOL_SEARCH_OUTPUT) {
		jo_key(&o, S("tools"));
		create_found(&o, &t->req, tool);
	}
	jo_obj_end(&o);
	struct str json = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return json;
}

static void turn_found_tell(struct turn *t, enum item_type type, const struct function_tool *tool, struct str path)
{
	struct out_item *it = item_open(t, type);
	if (!it)
		return;
	it->found = path;
	tell_raw(&t->out.teller, &it->at, EV_ITEM_ADDED, turn_tells(t) ? search_json(t, it, tool, false) : S(""));
	it->done = it->whole = true;
	it->json = it->shown = search_json(t, it, tool, true);
	tell_raw(&t->out.teller, &it->at, EV_ITEM_DONE, it->json);
}

void tool_found(struct turn *t, const struct function_tool *tool)
{
	struct str path = tool->space.n ? tool->space : tool->own;
	if (!tool->unfound)
		return;
	for (const struct out_item *it = t->out.first; it; it = it->next)
		if (it->type == ITEM_TOOL_SEARCH_OUTPUT && str_eq(it->found, path))
			return;
	turn_found_tell(t, ITEM_TOOL_SEARCH_CALL, tool, path);
	turn_found_tell(t, ITEM_TOOL_SEARCH_OUTPUT, tool, path);
}
