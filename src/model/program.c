/* program.c - programs that a model writes, and the calls of tools that they make. */
#include "model/program.h"

#include <stdio.h>

#include "base/map.h"

bool tool_for_programs(const struct function_tool *f)
{
	return f->callers & CALLER_PROGRAM && !f->deferred && !tool_is_server(f);
}

bool programs_offered(const struct create *c, struct err *e)
{
	char place[160];
	bool any = false;
	for (size_t i = 0; i < c->n_tools; i++)
		any |= c->tools[i].hosted && c->tools[i].hosted->item == ITEM_PROGRAM;
	for (size_t i = 0; i < c->n_tools && !any; i++) {
		if (c->tools[i].callers != CALLER_PROGRAM)
			continue;
		snprintf(place, sizeof place, "%s", c->tools[i].path.p ? c->tools[i].path.p : "tools");
		return fail(e, ERR_INVALID_VALUE, place,
			    "Invalid value: the tool '%.*s' may be called by programs alone ('allowed_callers'), and 'tools' has no "
			    "'programmatic_tool_calling'.",
			    FMT(c->tools[i].own.n ? c->tools[i].own : c->tools[i].space));
	}
	return true;
}

/* --- what belongs together ---------------------------------------------------------------------------------------- */

static void program_mark_some(struct map *calls, struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned flags = item_rows[items[i].type].flags;
		if (flags & ITEM_CALL && items[i].caller.n && items[i].call_id.n)
			map_put(calls, items[i].call_id, &items[i]);
		const struct item *call = flags & ITEM_CALL_OUTPUT && items[i].call_id.n ? map_get(calls, items[i].call_id) : NULL;
		if (call)
			items[i].caller = call->caller;
	}
}

void programs_mark(struct item *history, size_t n_history, struct item *input, size_t n_input)
{
	struct map calls = {0};
	program_mark_some(&calls, history, n_history);
	program_mark_some(&calls, input, n_input);
	map_release(&calls);
}

bool program_ended_by(const struct item *it, struct str call_id)
{
	return it->type == ITEM_PROGRAM_OUTPUT && str_eq(it->call_id, call_id);
}

/* --- what a client answers ------------------------------------------------------------------------------------------ */

bool program_output_fits(const struct create *c, const struct item *call, const struct item *output, struct err *e)
{
	const struct function_tool *f = NULL;
	struct arena tmp = {0};
	struct err syntax = {0};
	yyjson_val *v;
	for (size_t i = 0; i < c->n_tools && !f; i++)
		if (c->tools[i].kind == CALL_FUNCTION && str_eq(c->tools[i].own, call->name))
			f = &c->tools[i];
	if (!call->caller.n || call->type != ITEM_FUNCTION_CALL || !f || !yyjson_is_obj(json_get(f->given, S("output_schema"))))
		return true;
	struct str text = json_str(json_get(output->val, S("output")));
	bool ok = text.p && json_parse(&tmp, text, &v, &syntax);
	arena_free(&tmp);
	return ok || fail(e, ERR_INVALID_VALUE, "input",
			  "Invalid function_call_output.output: expected a JSON string because the function declares output_schema.");
}
