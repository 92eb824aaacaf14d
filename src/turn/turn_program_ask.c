/* turn_program_ask.c - approvals that programs of the context wait for. */
#include "turn/turn_program_ask.h"

#include "base/clock.h"
#include "base/map.h"
#include "model/program.h"
#include "model/request_tools.h"
#include "turn/turn_ask_id.h"

enum { OPEN_MOST = 16 /* programs side by side: each is tried on each request */ };

struct open_programs {
	struct map ended;
	struct str call_ids[OPEN_MOST];
	size_t n;
};

static void programs_end(struct open_programs *p, const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].type == ITEM_PROGRAM_OUTPUT && items[i].call_id.n)
			map_put(&p->ended, items[i].call_id, (void *)&items[i]);
}

static void programs_find(struct open_programs *p, const struct item *items, size_t n)
{
	for (size_t i = n; i-- > 0 && p->n < OPEN_MOST;)
		if (items[i].type == ITEM_PROGRAM && items[i].call_id.n && !map_get(&p->ended, items[i].call_id))
			p->call_ids[p->n++] = items[i].call_id;
}

static bool program_asked(struct turn *t, const struct ask_call *call, const struct id *id)
{
	struct id bound = *id;
	ask_bind(t, call, &bound);
	return ask_bound_equal(&bound, id);
}

static void program_ask_mark(struct turn *t, const struct open_programs *p, struct item *asked)
{
	struct id id;
	struct ask_call call = {.server = create_server(&t->req, asked),
				.label = json_str(json_get(asked->val, ask_face(asked)->label)),
				.name = asked->name,
				.arguments = json_str(json_get(asked->val, S("arguments")))};
	if (!call.server || !id_parse(asked->id, item_rows[asked->type].prefix, &id) || program_asked(t, &call, &id))
		return;
	for (size_t i = 0; i < p->n && !asked->caller.n; i++) {
		call.caller = p->call_ids[i];
		if (program_asked(t, &call, &id))
			asked->caller = call.caller;
	}
}

static void program_asks_mark_in(struct turn *t, const struct open_programs *p, struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ask_is(&items[i]) && !items[i].ours)
			program_ask_mark(t, p, &items[i]);
}

void program_asks_mark(struct turn *t)
{
	struct open_programs p = {0};
	programs_end(&p, t->context.history, t->context.n_history);
	programs_end(&p, t->req.items, t->req.n_items);
	programs_find(&p, t->req.items, t->req.n_items);
	programs_find(&p, t->context.history, t->context.n_history);
	if (p.n) {
		program_asks_mark_in(t, &p, t->context.history, t->context.n_history);
		program_asks_mark_in(t, &p, t->req.items, t->req.n_items);
	}
	map_release(&p.ended);
}

static bool program_ended_in(const struct item *items, size_t n, struct str call_id)
{
	for (size_t i = 0; i < n; i++)
		if (program_ended_by(&items[i], call_id))
			return true;
	return false;
}

bool program_ask_passes(struct turn *t, const struct item *asked, const struct id *id, const struct approval_state *state,
		       struct err *e)
{
	bool old = id_made_at(id) + api_limits.approval_days * 86400 < clock_wall_s();
	if (!asked->caller.n || state->used || old || program_ended_in(t->context.history, t->context.n_history, asked->caller) ||
	    program_ended_in(t->req.items, t->req.n_items, asked->caller))
		return true;
	return fail(e, ERR_BAD_REQUEST, "input",
		    "The program '%.*s' waits for an answer to the approval request '%.*s': send an 'mcp_approval_response' for it, with its "
		    "server among 'tools'.",
		    FMT(asked->caller), FMT(asked->id));
}
