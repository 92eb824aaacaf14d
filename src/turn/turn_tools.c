/* turn_tools.c - tools that are ours to run, within the turn. */
#include "turn/turn_tools.h"

#include <string.h>

#include "turn/turn_calls.h"
#include "turn/turn_list.h"

#include "engine/prompt_tidy.h"
#include "model/hosted_server.h"
#include "turn/call_judge.h"
#include "turn/call_pair.h"
#include "turn/call_text.h"
#include "turn/runner.h"
#include "turn/tool_results.h"
#include "turn/turn_ask.h"
#include "turn/turn_finish.h"
#include "turn/turn_found.h"
#include "turn/turn_link.h"
#include "turn/turn_measure.h"
#include "turn/turn_output_parts.h"
#include "turn/turn_program.h"

static bool hosted(const struct out_item *it)
{
	return it->tool && it->tool->hosted;
}

static const struct hosted *face_of(const struct hosted_call *c)
{
	return c->tool->hosted;
}

/* --- while the engine streams --- */

void hosted_open(struct turn *t, struct hosted_call *c)
{
	tool_found(t, c->tool);
	c->item = item_open(t, face_of(c)->item);
	if (!c->item)
		return; /* the turn is over: t->out.too_big */
	c->item->tool = c->tool;
	c->item->call_index = -1;
	c->item->hosted.approval = c->approval;
	if (face_of(c)->result.type) {
		c->item->call_id = origin_call_id(t);
		c->item->caller = c->caller;
	} else {
		c->item->hosted.members = face_of(c)->server ? call_blank(t, c->item, (struct str){0})
							     : told_begun(t, c->tool, (struct str){0});
	}
	c->item->origin = c->origin;
	c->origin = (struct out_origin){0};
	item_added(t, c->item);
	tell_hosted(&t->out.teller, &c->item->at, face_of(c), TOOL_BEGUN, false, false);
}

/* Names that were not offered are the client's to answer, if it has functions at all. */
static bool ours_alone(const struct turn *t)
{
	bool any = false;
	for (size_t i = 0; i < t->prompt.n_tools; i++) {
		if (!t->prompt.tools[i].hosted && !t->prompt.tools[i].searches)
			return false;
		any = true;
	}
	return any;
}

/* A call of the client's own comes before: what is ours behind it opens when that is told. */
static bool client_waits(const struct turn_tools *tt)
{
	const struct hosted_call *c = tt->first;
	while (c && !c->clients)
		c = c->next;
	return c;
}

bool turn_tools_takes(const struct turn *t, const struct model_event *me)
{
	const struct function_tool *tool = call_tool(t->prompt.tools, t->prompt.n_tools, me->name);
	return t->out.tools.first || (tool ? tool->hosted || tool->searches : ours_alone(t));
}

static struct hosted_call *call_at(struct turn *t, int index)
{
	struct hosted_call *c = t->out.tools.first;
	while (c && c->index != index)
		c = c->next;
	return c;
}

struct out_origin *turn_tools_origin(struct turn *t, int index)
{
	struct hosted_call *c = call_at(t, index);
	return !c ? NULL : c->item ? &c->item->origin : &c->origin;
}

static struct hosted_call *call_new(struct turn *t, const struct function_tool *tool, struct str name)
{
	struct turn_tools *tt = &t->out.tools;
	struct hosted_call *c = new (&t->arena, struct hosted_call);
	c->turn = t;
	c->tool = tool;
	c->name = str_copy(&t->arena, name);
	buf_init(&c->text, (size_t)api_limits.output_bytes);
	buf_init(&c->list.text, (size_t)api_limits.output_bytes);
	buf_init(&c->list.ended, (size_t)api_limits.output_bytes * 8);
	if (tt->last)
		tt->last->next = c;
	else
		tt->first = c;
	tt->last = c;
	return c;
}

struct hosted_call *turn_tools_add(struct turn *t, const struct function_tool *tool, struct str name, struct str arguments)
{
	struct hosted_call *c = call_new(t, tool, name);
	c->index = -1;
	buf_add(&c->text, arguments);
	return c;
}

bool turn_tools_begin(struct turn *t, const struct model_event *me)
{
	struct turn_tools *tt = &t->out.tools;
	const struct function_tool *tool = call_tool(t->prompt.tools, t->prompt.n_tools, me->name);
	if (!turn_tools_takes(t, me))
		return false;
	struct hosted_call *c = call_new(t, tool, me->name);
	c->clients = tool ? !tool->hosted && !tool->searches : !ours_alone(t);
	origin_begin(t, &c->origin, me);
	c->index = me->index;
	if (call_text_told(c) && !client_waits(tt))
		hosted_open(t, c);
	return true;
}

bool turn_tools_more(struct turn *t, const struct model_event *me)
{
	struct hosted_call *c = call_at(t, me->index);
	if (c && output_grow(t, &c->text, me->text) && c->item)
		call_text_tell(t, c);
	return c;
}

bool turn_tools_called(const struct turn *t)
{
	return t->out.tools.first;
}

static void drop_round(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	for (struct hosted_call *c = tt->first; c; c = c->next) {
		tool_cancel(&c->call);
		turn_found_cancel(c);
		if (c->item && !c->item->done && pair_call(c->item))
			pair_unwritten(t, c);
		else if (c->item && !c->item->done && call_text_told(c))
			c->item->hosted.members = told_begun(t, c->tool, buf_str(&c->list.text));
		buf_release(&c->text);
		buf_release(&c->list.text);
		buf_release(&c->list.ended);
		origin_release(&c->origin);
	}
	tt->first = tt->last = tt->open = NULL;
	tt->running = 0;
	tt->begun = false;
}

void turn_tools_stop(struct turn *t)
{
	drop_round(t);
	turn_list_stop(t);
	if (t->runner)
		t->runner->calls->unsync(t);
}

/* --- running --- */

static void close_item(struct turn *t, struct hosted_call *c)
{
	if (c->result) {
		pair_close(t, c->result, true);
		return;
	}
	tell_hosted(&t->out.teller, &c->item->at, face_of(c), TOOL_ENDED, c->told_running, c->item->hosted.failed);
	item_finish(t, c->item, true);
}

/* All of a call of the client's own at once. */
static void tell_clients(struct turn *t, struct hosted_call *c)
{
	struct model_event me = {.kind = ME_CALL_BEGIN, .index = c->index, .name = c->name, .call_id = c->origin.id};
	if (c->origin.marks.max)
		me.marks = buf_str(&c->origin.marks);
	call_begin(t, &me, origin_call_id(t), false);
	t->out.bytes -= c->text.n; /* they were counted as they came */
	me.text = buf_str(&c->text);
	call_more(t, &me);
	if (t->out.last && !t->out.last->done && !t->out.too_big)
		call_close(t, t->out.last, true);
}

/* Tells what has come to pass, in the order of the calls. */
static void tell_progress(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	for (struct hosted_call *c; (c = tt->open); tt->open = c->next) {
		if (c->program && !c->done)
			return;
		if (c->program) {
			turn_program_tell(t, c);
			continue;
		}
		if (c->clients && c->caller.n)
			turn_program_tell_call(t, c);
		else if (c->clients)
			tell_clients(t, c);
		if (!c->item)
			continue;
		if (!c->told_running)
			tell_hosted(&t->out.teller, &c->item->at, face_of(c), TOOL_RUNS, c->running, false);
		c->told_running = c->running;
		if (!c->done)
			return;
		close_item(t, c);
	}
}

static void on_running(struct tool_call *call)
{
	struct hosted_call *c = OWNER(call, struct hosted_call, call);
	c->running = true;
	tell_progress(c->turn);
}

/* Does a further call of the same answer become an item? */
static bool more_follow(const struct hosted_call *c)
{
	for (c = c->next; c; c = c->next)
		if (c->item || c->clients || c->program)
			return true;
	return false;
}

static void turn_tools_settle(struct hosted_call *c, const struct tool_result *result)
{
	struct turn *t = c->turn;
	struct out_item *it = call_result_item(c);
	struct tool_result what = *result;
	if (c->result && !what.members.n)
		what.members = pair_blank(t, it, what.said, c->running);
	it->hosted.failed = what.failed;
	/* Results of pairs stand behind all calls but the client's. */
	it->hosted.members = told_members(t, &what, c->result ? client_waits(&t->out.tools) : more_follow(c), &it->origin);
	told_shown(t, result, it->at.index);
	if (face_of(c)->picture.n || face_of(c)->pictures.list.n || result->n_images) { /* many pictures of many megabytes each */
		t->out.bytes += c->item->hosted.members.n;
		t->out.too_big |= t->out.bytes > (size_t)api_limits.output_bytes;
	}
	t->response.web_searches += result->searches;
	picture_usage_add(&t->response.pictures, &result->pictures);
	c->done = true;
}

static void turn_tools_on_done(struct tool_call *call, const struct tool_result *result)
{
	struct hosted_call *c = OWNER(call, struct hosted_call, call);
	struct turn *t = c->turn;
	t->out.tools.running--;
	turn_measure_tool(t, c, !result->failed);
	if (c->program)
		turn_program_done(t, c, result);
	else
		turn_tools_settle(c, result);
	turn_run(t);
}

/* As many as may run at once. */
static void start_more(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	int64_t most = t->req.parallel_tool_calls ? tools_limits.parallel : 1;
	for (struct hosted_call *c = tt->open; c && tt->running < most; c = c->next) {
		/* A program runs when all before it is told: what it called has come to its end. */
		if (c->started || (c->program ? c != tt->open : !c->item))
			continue;
		c->started = true;
		if (c->refusal.p) {
			struct str blank = call_blank(t, c->item, c->refusal);
			if (!blank.n && !c->result)
				blank = told_begun(t, c->tool, buf_str(&c->list.text));
			turn_tools_settle(
			    c, &(struct tool_result){.failed = true, .said = c->refusal, .members = blank});
			continue;
		}
		c->call.running = on_running;
		c->call.done = turn_tools_on_done;
		tt->running++;
		struct tool_ask ask = {.project = t->project, .tool = c->tool, .args = c->args,
				       .approval = c->approval};
		if (c->program)
			turn_program_ask(t, c, &ask);
		else
			ask.text = c->item->hosted.arguments;
		if (face_of(c)->picture.n)
			ask.pictures = turn_pictures(t);
		c->measured = phases_tool(&t->clocks.phases, &t->arena, c->tool->name);
		if (c->measured)
			ask.trace = trace_headers(&t->reader.asker.trace, c->measured->span, &t->arena);
		tool_start(t->api->tools, &c->call, &ask);
	}
}

/* Items for what will be run; of a background run these are in its log before anything else happens. */
static bool begin(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	if (!tt->open)
		tt->open = tt->first;
	for (struct hosted_call *c = tt->open; c && !t->out.too_big; c = c->next) {
		if (!c->judged && turn_found_waits(t, c))
			return false;
		if (!c->clients && !c->judged)
			call_judge(t, c);
		c->judged = true;
	}
	for (struct hosted_call *c = tt->open; c && !t->out.too_big; c = c->next)
		if (c->item && pair_call(c->item) && !c->result)
			pair_open(t, c);
	tt->begun = !t->runner || t->runner->calls->synced(t);
	return tt->begun;
}

/* --- the end of a round --- */

static struct out_item *first_of_round(const struct turn *t)
{
	return t->out.tools.told ? t->out.tools.told->next : t->out.first;
}

/* A forced choice is kept once it was made; at the limits the model has to answer. */
static void turn_tools_choose(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	tt->off |=
	    tt->rounds >= api_limits.tool_rounds || (t->req.max_tool_calls && tt->calls >= t->req.max_tool_calls);
	if (tt->off)
		t->prompt.choice = CHOICE_NONE;
	else if (t->prompt.choice != CHOICE_NONE)
		t->prompt.choice = CHOICE_AUTO;
}

/* One finished item to the engine. */
static bool tell_item(struct turn *t, const struct out_item *it, struct err *e)
{
	struct item one;
	return !it->json.n || !item_view(&t->arena, it->json, &one) ||
	       prompt_add_items(&t->arena, &t->prompt, &one, 1, "", e);
}

/* The finished items from `from` up to `last`. */
static bool tell_engine(struct turn *t, struct out_item *from, const struct out_item *last, struct err *e)
{
	for (struct out_item *it = from; it; it = it == last ? NULL : it->next)
		if (!tell_item(t, it, e))
			return false;
	return true;
}

/* Further calls of the same answer follow, so that all of them are told as one message. */
static void hold_open(struct turn *t, bool more)
{
	struct prompt *p = &t->prompt;
	if (p->n && p->messages[p->n - 1].role == ROLE_TOOL)
		p->messages[p->n - 1].called_more = more;
}

/* A call without an item is told as what it was: a function's call, and the reason as its output. */
static bool tell_refusal(struct turn *t, struct hosted_call *c, struct err *e)
{
	struct item pair[2];
	if (c->item || c->clients || c->asked || c->program)
		return true;
	origin_settle(t, &c->origin);
	return told_refusal(t, c->name, buf_str(&c->text), c->refusal, c->origin.json, pair) &&
	       prompt_add_items(&t->arena, &t->prompt, pair, 2, "", e);
}

/* Is it the item of this call, or of one behind it? */
static bool call_has(const struct hosted_call *c, const struct out_item *it)
{
	while (c && c->item != it)
		c = c->next;
	return c;
}

/* The items of this round, and the calls that were refused where they stood among the others. */
static bool tell_round(struct turn *t, struct err *e)
{
	struct hosted_call *c = t->out.tools.first;
	for (struct out_item *it = first_of_round(t); it; it = it->next) {
		for (; call_has(c, it) && c->item != it; c = c->next) {
			if (!tell_refusal(t, c, e))
				return false;
			hold_open(t, true);
		}
		if (!tell_item(t, it, e))
			return false;
		if (c && c->item == it)
			hold_open(t, (c = c->next) != NULL);
	}
	for (; c; c = c->next) {
		if (!tell_refusal(t, c, e))
			return false;
		hold_open(t, c->next);
	}
	return true;
}

static bool client_called(const struct turn *t)
{
	for (const struct out_item *it = first_of_round(t); it; it = it->next)
		if (it->tool && !hosted(it))
			return true;
	return false;
}

static bool program_ran(const struct turn *t)
{
	const struct hosted_call *c = t->out.tools.first;
	while (c && !c->program)
		c = c->next;
	return c;
}

static enum flow next_round(struct turn *t)
{
	struct err e = {0};
	if (t->out.misfit) {
		turn_fail(t, t->out.misfit);
		return GO;
	}
	if (turn_ask_all(t) || client_called(t)) { /* the client's turn; what we found stays in the output */
		turn_finish(t, RS_COMPLETED, true, false);
		return GO;
	}
	turn_close_items(t, true, false);
	if (!tell_round(t, &e)) {
		turn_fail(t, &e);
		return GO;
	}
	if (program_ran(t)) /* one that goes on is answered far behind its call */
		prompt_tidy(&t->arena, &t->prompt);
	t->out.tools.rounds++;
	t->out.tools.told = t->out.last;
	drop_round(t);
	if (turn_steered(t)) { /* what is to be said next comes before what the engine would say now */
		t->response.incomplete_reason = "steered";
		turn_finish(t, RS_INCOMPLETE, true, false);
		return GO;
	}
	turn_tools_choose(t);
	return turn_goto(t, STEP_CALL);
}

enum flow step_tools(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	if (!tt->begun && !begin(t))
		return WAIT;
	if (t->out.too_big) {
		turn_overflow(t);
		return GO;
	}
	do {
		start_more(t);
		tell_progress(t);
	} while (tt->open && tt->open->program && !tt->open->started);
	return tt->open ? WAIT : next_round(t);
}

/* --- after a restart --- */

bool turn_tools_between(const struct turn *t)
{
	const struct out_item *last = t->out.last;
	for (const struct out_item *it = t->out.first; it; it = it->next)
		/* One that is closed and not whole was cut off before an earlier start, which was cut off as well. */
		if (!(it->done && it->whole) && !(hosted(it) && tool_again(it->tool->hosted, it->type)))
			return false;
	return last && (hosted(last) ? !pair_call(last) : last->caller.n);
}

bool turn_tools_rejoin(struct turn *t, struct err *e)
{
	struct turn_tools *tt = &t->out.tools;
	struct out_item *last = NULL;
	turn_list_rejoin(t);
	for (struct out_item *it = t->out.first; it; it = it->next)
		if (hosted(it) && it->json.n && it->tool->hosted->ends_in && it->type == it->tool->hosted->ends_in)
			last = it;
		else if (hosted(it) && it->json.n && !pair_call(it) && (it->type == it->tool->hosted->item || pair_result(it))) {
			last = it;
			tt->rounds = ++tt->calls;
			t->response.web_searches += told_again(t, it->json);
			told_pictures(t, it->json);
		}
	for (size_t i = 0; i < tt->n_sources; i++) /* without knowing better */
		tt->sources[i].fresh = true;
	tt->told = t->out.last;
	if (!last)
		return true;
	turn_tools_choose(t);
	return tell_engine(t, t->out.first, last, e);
}
