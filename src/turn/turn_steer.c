/* turn_steer.c - a turn that is steered: where it may end, and what it waits for. */
#include "turn/turn_steer.h"

#include "turn/turn_link.h"

bool turn_steers(const struct turn *t)
{
	return !t->kind && !t->req.conversation.n && !t->req.compact && !t->req.compact_now;
}

static const struct out_item *open_item_of(const struct turn *t)
{
	const struct out_item *it = t->out.first;
	while (it && it->done)
		it = it->next;
	return it;
}

static bool has_calls(const struct turn *t)
{
	const struct out_item *it = t->out.first;
	while (it && (!it->tool || it->tool->hosted))
		it = it->next;
	return it || t->out.tools.first;
}

/* Does the event go on with that item? */
static bool goes_on(const struct out_item *it, const struct model_event *me)
{
	switch (me ? me->kind : ME_MARKS) {
	case ME_TEXT:
	case ME_REFUSAL:
		return it->type == ITEM_MESSAGE;
	case ME_REASONING:
		return it->type == ITEM_REASONING;
	case ME_CALL_BEGIN:
		return false;
	default:
		return true;
	}
}

bool turn_steer_cuts(const struct turn *t, const struct model_event *me)
{
	if (!turn_steered(t) || has_calls(t))
		return false;
	const struct out_item *it = open_item_of(t);
	return !it || !goes_on(it, me);
}

/* --- what it waits for ------------------------------------------------------------------------------------------- */

/* An item that the client has to answer, the answer's type, and the member that names it in both. */
static const struct required {
	enum item_type item;
	struct str answer, name;
} required[] = {
    {ITEM_FUNCTION_CALL, STR("function_call_output"), STR("call_id")},
    {ITEM_CUSTOM_TOOL_CALL, STR("custom_tool_call_output"), STR("call_id")},
    {ITEM_COMPUTER_CALL, STR("computer_call_output"), STR("call_id")},
    {ITEM_SHELL_CALL, STR("shell_call_output"), STR("call_id")},
    {ITEM_LOCAL_SHELL_CALL, STR("local_shell_call_output"), STR("call_id")},
    {ITEM_APPLY_PATCH_CALL, STR("apply_patch_call_output"), STR("call_id")},
    {ITEM_TOOL_SEARCH_CALL, STR("tool_search_output"), STR("call_id")},
    {ITEM_MCP_APPROVAL_REQUEST, STR("mcp_approval_response"), STR("approval_request_id")},
};

static void stub_write(struct jout *o, const struct required *r, const struct out_item *it, yyjson_val *v)
{
	bool approval = r->item == ITEM_MCP_APPROVAL_REQUEST;
	jo_obj(o);
	jo_kstr(o, "type", r->answer);
	jo_key(o, r->name);
	jo_str(o, approval ? it->at.id : json_str(json_get(v, S("call_id"))));
	if (r->item == ITEM_FUNCTION_CALL)
		jo_kstr(o, "name", json_str(json_get(v, S("name"))));
	if (r->item == ITEM_TOOL_SEARCH_CALL)
		jo_kstr(o, "execution", S("client"));
	jo_obj_end(o);
}

/* Searches for tools, and shells, may be ours: those have no one to wait for. */
static bool stub_wanted(const struct required *r, yyjson_val *v)
{
	return r->item == ITEM_MCP_APPROVAL_REQUEST ||
	       (json_str(json_get(v, S("call_id"))).n && !str_eq(json_str(json_get(v, S("execution"))), S("server")));
}

size_t turn_required_write(const struct turn *t, struct jout *o)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *v;
	size_t n = 0;
	for (const struct out_item *it = t->out.first; it; it = it->next)
		for (size_t i = 0; i < sizeof required / sizeof *required && it->json.n; i++)
			if (required[i].item == it->type && json_parse(&a, it->json, &v, &e) &&
			    stub_wanted(&required[i], v)) {
				stub_write(o, &required[i], it, v);
				n++;
			}
	arena_free(&a);
	return n;
}
