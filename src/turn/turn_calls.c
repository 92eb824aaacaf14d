/* turn_calls.c - the model's calls become items of their tools' own types (model/call.h).
 *
 * Functions and custom tools are told piece by piece. Of the others an item can only be made when the arguments are
 * whole: all their events come then. */
#include "turn/turn_calls.h"

#include <string.h>

#include "turn/turn_found.h"
#include "model/call_input.h"
#include "model/call_kinds.h"
#include "model/hosted_server.h"
#include "turn/call_pair.h"
#include "turn/turn_output_parts.h"

static bool in_pieces(const struct out_item *it)
{
	return it->tool->kind == CALL_FUNCTION || it->tool->kind == CALL_CUSTOM;
}

/* A name that was not offered: the client will say so. */
static const struct function_tool *turn_calls_tool_of(struct turn *t, struct str name)
{
	const struct function_tool *known = call_tool(t->prompt.tools, t->prompt.n_tools, name);
	if (known)
		return known;
	struct function_tool *f = new (&t->arena, struct function_tool);
	f->name = f->own = str_copy(&t->arena, name);
	return f;
}

void call_begin(struct turn *t, const struct model_event *me, struct str call_id, bool sealed)
{
	const struct function_tool *tool = turn_calls_tool_of(t, me->name);
	tool_found(t, tool);
	struct out_item *it = item_open(t, call_item(tool));
	if (!it)
		return;
	it->tool = tool;
	it->call_index = me->index;
	it->call_id = call_id;
	origin_begin(t, &it->origin, me);
	it->origin.sealed = sealed;
	if (in_pieces(it))
		item_added(t, it);
}

/* A custom tool's input as far as the arguments tell it. */
static void tell_input(struct turn *t, struct out_item *it)
{
	size_t from = it->parts.n;
	call_text_more(buf_str(&it->text), S("input"), &it->read, &it->parts);
	if (it->parts.n > from)
		tell_call(&t->out.teller, &it->at, it->tool->kind, (struct str){it->parts.p + from, it->parts.n - from});
}

void call_more(struct turn *t, const struct model_event *me)
{
	struct out_item *it = t->out.first;
	while (it && (!it->tool || it->done || it->call_index != me->index))
		it = it->next;
	if (!it || !output_grow(t, &it->text, me->text))
		return;
	if (it->tool->kind == CALL_FUNCTION)
		tell_call(&t->out.teller, &it->at, it->tool->kind, me->text);
	else if (it->tool->kind == CALL_CUSTOM)
		tell_input(t, it);
}

void call_write(struct jout *o, const struct out_item *it)
{
	if (pair_result(it)) {
		jo_kstr(o, "call_id", it->call_id);
		call_caller(o, it->caller);
	}
	if (it->hosted.members.n) {
		jo_raw(o, it->hosted.members);
		return;
	}
	struct call c = {.tool = it->tool, .call_id = it->call_id, .caller = it->caller, .begun = !it->done, .args = it->args};
	c.text = it->tool->kind == CALL_CUSTOM ? it->input : buf_str(&it->text);
	if (!c.text.p)
		c.text = S("");
	call_rows[it->tool->kind].write(o, &c);
}

struct str call_blank(struct turn *t, const struct out_item *it, struct str why)
{
	const struct hosted *h = it->tool->hosted;
	struct buf b;
	if (!h->server)
		return h->blank;
	struct hosted_made m = {.label = it->tool->space, .name = it->tool->own, .arguments = it->hosted.arguments,
				.approval = it->hosted.approval, .why = why};
	if (!m.arguments.p)
		m.arguments = S("");
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	if (it->type == h->item) {
		h->server->made(&o, &m);
	} else { /* a list has nothing yet */
		jo_key(&o, h->server->label);
		jo_str(&o, it->tool->space);
		jo_kraw(&o, "tools", S("[]"));
	}
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

/* --- ends --- */

/* Settles what the input is. What was told must be its beginning; a model that wrote something else than
 * {"input": ...} has had nothing told yet. */
static bool close_custom(struct turn *t, struct out_item *it, bool whole, struct err *e)
{
	struct str told = buf_str(&it->parts), rest;
	it->input = told;
	if (whole && !call_input(&t->arena, it->tool, buf_str(&it->text), &it->input, e))
		return false;
	rest = call_untold(told, it->input);
	if (rest.n)
		tell_call(&t->out.teller, &it->at, it->tool->kind, rest);
	return true;
}

static bool close_whole(struct turn *t, struct out_item *it, struct err *e)
{
	struct err syntax = {0};
	json_parse(&t->arena, buf_str(&it->text), &it->args, &syntax);
	if (!call_fits(it->tool, it->args, e))
		return false;
	item_added(t, it);
	return true;
}

/* What is told at the end of a call. */
static void turn_calls_tell_end(struct turn *t, const struct out_item *it)
{
	enum call_kind kind = it->tool->kind;
	struct call_said said = {.text = kind == CALL_CUSTOM ? it->input : buf_str(&it->text), .name = it->tool->own};
	if (kind == CALL_SHELL)
		said.commands = json_get(it->args, S("commands"));
	tell_call_end(&t->out.teller, &it->at, kind, &said);
}

/* A server's call that was cut off is a failed one; its error alone tells it from one that has failed in itself. */
static const struct str cut_off = STR("It was cut off.");

bool call_was_cut(yyjson_val *item)
{
	return str_eq(json_str(json_get(item, S("status"))), S("incomplete")) ||
	       str_eq(json_str(json_get(json_get(item, S("error")), S("message"))), cut_off);
}

void call_close(struct turn *t, struct out_item *it, bool whole)
{
	struct err e = {0};
	bool made = true;
	if (pair_result(it)) {
		pair_cut(t, it);
		return;
	}
	if (it->tool->hosted) {
		/* Cut off: turn_tools.c closes those that have come to their end. Of what only looks things up the API
		 * knows no incomplete ones; what may have run in part stays as it was told. */
		it->hosted.failed = it->tool->hosted->server || it->tool->hosted->blank.n;
		if (it->hosted.failed)
			it->hosted.members = call_blank(t, it, cut_off);
		if (it->tool->hosted->server)
			tell_hosted(&t->out.teller, &it->at, it->tool->hosted, TOOL_ENDED, true, true);
	} else if (it->tool->kind == CALL_CUSTOM) {
		made = close_custom(t, it, whole, &e);
	} else if (it->tool->kind != CALL_FUNCTION) {
		made = whole && close_whole(t, it, &e);
	}
	if (made && !it->tool->hosted)
		turn_calls_tell_end(t, it);
	if (!made && e.code && !t->out.misfit) {
		t->out.misfit = new(&t->arena, struct err);
		*t->out.misfit = e;
	}
	if (made)
		item_finish(t, it, whole);
	else
		it->done = true; /* no item: it has no JSON */
}
