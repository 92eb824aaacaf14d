/* turn_ask.c - calls that run only once the user has approved them. */
#include "turn/turn_ask.h"

#include <string.h>

#include "model/request_tools.h"
#include "turn/turn_ask_id.h"

#include "turn/hosted_call.h"
#include "turn/turn_found.h"
#include "turn/turn_output_parts.h"
#include "turn/turn_program.h"

/* --- asking --------------------------------------------------------------------------------------------------------
 */

bool turn_ask_needed(const struct hosted_call *c)
{
	const struct hosted_server *s = c->tool && c->tool->hosted ? c->tool->hosted->server : NULL;
	return s && !c->approval.n && s->asks(c->tool->given, c->tool->definition);
}

/* `kept`: with what only we read. */
static struct str ask_members(struct turn *t, struct hosted_call *c, struct str arguments, bool kept)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_kstr(&o, "arguments", arguments);
	jo_kstr(&o, "name", c->tool->own);
	jo_key(&o, c->tool->hosted->server->label);
	jo_str(&o, c->tool->space);
	if (kept)
		origin_settle(t, &c->origin);
	if (kept && c->origin.json.n) {
		jo_key(&o, ITEM_OURS);
		jo_obj(&o);
		jo_raw(&o, c->origin.json);
		jo_obj_end(&o);
	}
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

static void ask_one(struct turn *t, struct hosted_call *c)
{
	struct id id = id_mint();
	struct str arguments = c->text.n ? str_copy(&t->arena, buf_str(&c->text)) : S("{}");
	ask_bind(t, &(struct ask_call){c->tool, c->tool->space, c->tool->own, arguments, c->caller}, &id);
	ask_define(t, c->tool, &id);
	tool_found(t, c->tool);
	struct out_item *it = turn_item_make(t, c->tool->hosted->server->ask, &id);
	if (!it)
		return;
	it->tool = c->tool;
	it->call_index = -1;
	it->hosted.members = ask_members(t, c, arguments, false);
	item_added(t, it);
	it->hosted.members = ask_members(t, c, arguments, true);
	it->origin.marked = c->origin.marked;
	item_finish(t, it, true);
}

bool turn_ask_all(struct turn *t)
{
	bool any = false;
	for (struct hosted_call *c = t->out.tools.first; c; c = c->next)
		if (c->asked) {
			ask_one(t, c);
			any = true;
		}
	return any;
}

int64_t turn_ask_until(const struct out_item *it)
{
	const struct hosted *h = hosted_of_item(it->type);
	bool asks = h && h->server && h->server->ask == it->type;
	return asks ? id_made_at(&it->id) + api_limits.approval_days * 86400 : 0;
}

/* --- what was approved ---------------------------------------------------------------------------------------------
 */

/* What the engine signed of the call that was asked for belongs to the call that is made. */
static void ask_origin(struct turn *t, struct str id, struct out_origin *o)
{
	const struct item *asked = ask_find_in(t->context.history, t->context.n_history, id);
	if (!asked)
		asked = ask_find_in(t->context.input, t->context.n_input, id);
	if (asked && asked->ours)
		origin_again(t, o, asked->ours);
}

/* Has an earlier process made that call for this turn, or begun to? */
static bool ask_made(struct turn *t, struct str id)
{
	struct item made;
	const struct out_item *it = t->out.first;
	while (it && !(it->json.n && item_view(&t->arena, it->json, &made) &&
		       str_eq(json_str(json_get(made.val, S("approval_request_id"))), id)))
		it = it->next;
	return it;
}

bool turn_ask_waits(const struct turn *t)
{
	for (const struct out_item *it = t->out.first; it; it = it->next)
		if (turn_ask_until(it))
			return true;
	return false;
}

bool turn_ask_run(struct turn *t)
{
	bool any = false;
	for (struct turn_answer *one = t->out.tools.answers; one; one = one->next) {
		const struct function_tool *f = create_function(&t->req, one->call.server, one->call.name);
		struct function_tool gone = {.own = one->call.name, .space = one->call.label};
		if (!one->approved || one->over || ask_made(t, one->id_text))
			continue;
		if (one->call.caller.n) {
			any |= turn_program_approved(t, f, one);
			continue;
		}
		if (!f)
			call_name(&t->arena, &gone, NULL, 0, NULL);
		struct hosted_call *c = turn_tools_add(t, f, f ? f->name : gone.name, one->call.arguments);
		any = true;
		ask_origin(t, one->id_text, &c->origin);
		if (!f)
			continue;
		if (ask_defined(t, f, &one->id))
			c->approval = one->id_text;
		else
			c->asked = true; /* it is not what was approved any more */
	}
	t->out.tools.answers = NULL;
	return any;
}

/* --- what an engine is told ----------------------------------------------------------------------------------------
 */

static const struct item *ask_answer_in(const struct item *items, size_t n, struct str id)
{
	const struct item *last = NULL;
	for (size_t i = 0; i < n; i++)
		if (ask_is_answer(&items[i]) && str_eq(json_str(json_get(items[i].val, S("approval_request_id"))), id))
			last = &items[i];
	return last;
}

static const struct item *ask_answer(const struct turn *t, const struct item *asked)
{
	const struct item *answer = ask_answer_in(t->context.input, t->context.n_input, asked->id);
	return answer ? answer : ask_answer_in(t->context.history, t->context.n_history, asked->id);
}

struct str turn_ask_refused(struct turn *t, const struct item *asked)
{
	const struct item *answer = ask_answer(t, asked);
	struct str reason = answer ? json_str(json_get(answer->val, S("reason"))) : (struct str){0};
	if (!answer || yyjson_is_true(json_get(answer->val, S("approve"))))
		return (struct str){0};
	return reason.n ? str_fmt(&t->arena, "This call was not made: the user refused it, and says: %.*s", FMT(reason))
			: S("This call was not made: the user refused it.");
}

/* {0}: the call that follows says it. */
static struct str ask_outcome(struct turn *t, const struct item *asked)
{
	const struct item *answer = ask_answer(t, asked);
	struct str refused = turn_ask_refused(t, asked);
	if (!answer)
		return S("This call was not made: it needs the approval of the user, who has not answered yet.");
	if (!refused.p)
		return t->kind ? S("This call was not made yet: the user has approved it.") : (struct str){0};
	return json_str(json_get(answer->val, S("reason"))).n
		   ? refused
		   : str_fmt(&t->arena, "%.*s Do not try it again; answer without it.", FMT(refused));
}

static void ask_tell(struct turn *t, struct item *it, struct str told)
{
	struct buf b;
	size_t i, max;
	yyjson_val *key, *val, *ours = json_get(it->val, ITEM_OURS);
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	yyjson_obj_foreach(it->val, i, max, key, val) if (!str_eq(json_str(key), ITEM_OURS))
	{
		jo_key(&o, json_str(key));
		jo_val(&o, val);
	}
	jo_key(&o, ITEM_OURS);
	jo_obj(&o);
	yyjson_obj_foreach(ours, i, max, key, val)
	{
		jo_key(&o, json_str(key));
		jo_val(&o, val);
	}
	jo_kstr(&o, "told", told);
	jo_obj_end(&o);
	jo_obj_end(&o);
	item_view(&t->arena, str_copy(&t->arena, buf_str(&b)), it);
	buf_release(&b);
}

struct item *turn_ask_told(struct turn *t, struct item *items, size_t n)
{
	struct item *copy = items;
	for (size_t i = 0; i < n; i++) {
		struct str told = ask_is(&items[i]) ? ask_outcome(t, &items[i]) : (struct str){0};
		if (!told.p)
			continue;
		if (copy == items) {
			copy = new_array(&t->arena, struct item, n);
			memcpy(copy, items, n * sizeof *copy);
		}
		ask_tell(t, &copy[i], told);
	}
	return copy;
}
