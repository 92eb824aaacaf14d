/* turn_list.c - the step LIST: which functions the request's servers have, where no list in the context says so. */
#include "model/hosted_server.h"
#include "model/request_tools.h"
#include "turn/hosted_call.h"
#include "turn/runner.h"
#include "turn/turn_ask.h"
#include "turn/turn_calls.h"
#include "turn/turn_finish.h"
#include "turn/turn_output_parts.h"
#include "turn/turn_program.h"

struct turn_listing {
	struct turn_listing *next;
	struct turn *turn;
	size_t server; /* its place among the tools */
	struct out_item *item;
	struct tool_call call;
	bool done;
};

static const struct function_tool *listing_server(const struct turn_listing *l)
{
	return &l->turn->req.tools[l->server];
}

static const struct hosted_extra *listing_events(const struct turn_listing *l)
{
	const struct hosted *h = listing_server(l)->hosted;
	return hosted_extra(h, h->server->list);
}

static void listing_begin(struct turn *t, size_t at)
{
	const struct function_tool *server = &t->req.tools[at];
	struct turn_listing *l = new (&t->arena, struct turn_listing), **end = &t->out.tools.listings;
	struct function_tool *copy = new (&t->arena, struct function_tool);
	*copy = *server; /* the array of tools moves */
	*l = (struct turn_listing){.turn = t, .server = at};
	l->item = item_open(t, server->hosted->server->list);
	if (!l->item)
		return;
	l->item->tool = copy;
	l->item->call_index = -1;
	l->item->hosted.members = call_blank(t, l->item, (struct str){0});
	while (*end)
		end = &(*end)->next;
	*end = l;
	item_added(t, l->item);
	tell_extra(&t->out.teller, &l->item->at, listing_events(l));
}

static void listing_on_running(struct tool_call *call)
{
}

/* A server that cannot be asked: the request fails as live ones do, unless the operator wants it to go on without. */
static void listing_fail(struct turn_listing *l, struct str why)
{
	struct turn *t = l->turn;
	if (tools_list_skips(t->api->tools) || turn_failed(t))
		return;
	fail(turn_error(t), ERR_TOOL_LIST, "tools", "%.*s", FMT(why));
}

static void listing_on_done(struct tool_call *call, const struct tool_result *result)
{
	struct turn_listing *l = OWNER(call, struct turn_listing, call);
	struct turn *t = l->turn;
	struct item list;
	l->done = true;
	l->item->hosted.members = str_copy(&t->arena, result->members);
	l->item->hosted.failed = result->failed;
	tell_extra_end(&t->out.teller, &l->item->at, listing_events(l), result->failed);
	item_finish(t, l->item, true);
	t->out.bytes += l->item->json.n;
	if (result->failed)
		listing_fail(l, str_copy(&t->arena, result->said));
	else if (item_view(&t->arena, l->item->json, &list))
		create_bind(&t->arena, &t->req, &list);
	turn_run(t);
}

static void listing_start(struct turn *t)
{
	size_t n = t->req.n_tools;
	for (size_t i = 0; i < n && !t->out.too_big; i++)
		if (tool_is_server(&t->req.tools[i]) && !t->req.tools[i].bound)
			listing_begin(t, i);
	for (struct turn_listing *l = t->out.tools.listings; l; l = l->next) {
		struct tool_ask ask = {.project = t->project, .tool = listing_server(l), .list = true};
		l->call.running = listing_on_running;
		l->call.done = listing_on_done;
		tool_start(t->api->tools, &l->call, &ask);
	}
}

void turn_list_stop(struct turn *t)
{
	for (struct turn_listing *l = t->out.tools.listings; l; l = l->next)
		tool_cancel(&l->call);
}

void turn_list_rejoin(struct turn *t)
{
	for (struct out_item *it = t->out.first; it; it = it->next) {
		struct item list;
		if (it->json.n && item_view(&t->arena, it->json, &list))
			create_load_tools(&t->arena, &t->req, &list, 1);
	}
	tools_describe(&t->arena, &t->req);
	t->prompt.tools = create_offer(&t->arena, &t->req, (size_t)api_limits.shown_tools, &t->prompt.n_tools);
}

/* What may be called is known now. */
static enum flow listing_over(struct turn *t)
{
	struct err e = {0};
	bool listed = t->out.tools.listings != NULL;
	if (turn_failed(t)) {
		e = *turn_error(t);
		turn_fail(t, &e);
		return GO;
	}
	if (listed) {
		tools_describe(&t->arena, &t->req);
		t->prompt.tools = create_offer(&t->arena, &t->req, (size_t)api_limits.shown_tools, &t->prompt.n_tools);
		t->out.tools.told = t->out.last; /* rounds begin behind the lists */
	}
	if (!t->prompt.n_tools && t->req.n_allowed && t->prompt.choice == CHOICE_REQUIRED) {
		fail(&e, ERR_BAD_REQUEST, "tool_choice",
		     "Tool choice not found in 'tools' parameter: no server has such a tool.");
		turn_fail(t, &e);
		return GO;
	}
	if (turn_programs_wait(t) || turn_ask_waits(t)) {
		turn_finish(t, RS_COMPLETED, true, false);
		return GO;
	}
	bool run = turn_ask_run(t);
	return turn_goto(t, turn_programs_run(t) || run ? STEP_TOOLS : STEP_CALL);
}

enum flow step_list(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	if (!tt->listing) {
		tt->listing = true;
		listing_start(t);
	}
	if (t->out.too_big) {
		turn_overflow(t);
		return GO;
	}
	for (const struct turn_listing *l = tt->listings; l; l = l->next)
		if (!l->done)
			return WAIT;
	return listing_over(t);
}
