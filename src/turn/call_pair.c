/* call_pair.c - calls of ours that are two items. */
#include "turn/call_pair.h"

#include "turn/call_text.h"
#include "turn/turn_output_parts.h"

struct out_item *call_result_item(const struct hosted_call *c)
{
	return c->result ? c->result : c->item;
}

static yyjson_val *pair_parse(struct turn *t, struct str json)
{
	struct err none = {0};
	yyjson_val *v = NULL;
	json_parse(&t->arena, json, &v, &none);
	return v;
}

/* --- the call ------------------------------------------------------------------------------------------------------- */

void pair_written(struct turn *t, struct hosted_call *c)
{
	c->item->args = c->args ? c->args : pair_parse(t, call_text_list(t, c));
	item_finish(t, c->item, true);
}

void pair_unwritten(struct turn *t, struct hosted_call *c)
{
	c->item->args = pair_parse(t, call_text_list(t, c));
}

/* --- what comes of it ----------------------------------------------------------------------------------------------- */

/* What it has while it has only begun; a member that the arguments have, too, is theirs. */
static struct str pair_begun(struct turn *t, const struct out_item *it)
{
	const struct hosted_result *output = &it->tool->hosted->result;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	for (size_t i = 0; i < HOSTED_MEMBERS && output->fresh[i].member.n; i++) {
		yyjson_val *given = json_get(it->args, output->fresh[i].member);
		jo_key(&o, output->fresh[i].member);
		if (given)
			jo_val(&o, given);
		else
			jo_raw(&o, output->fresh[i].json);
	}
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

static struct out_item *pair_result_make(struct turn *t, const struct out_item *call)
{
	struct out_item *it = item_open(t, call->tool->hosted->result.type);
	if (!it)
		return NULL;
	it->tool = call->tool;
	it->call_index = -1;
	it->call_id = call->call_id;
	it->caller = call->caller;
	it->args = call->args;
	it->hosted.members = pair_begun(t, it);
	item_added(t, it);
	return it;
}

void pair_open(struct turn *t, struct hosted_call *c)
{
	c->result = pair_result_make(t, c->item);
}

struct str pair_blank(struct turn *t, const struct out_item *result, struct str why, bool begun)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	result->tool->hosted->result.blank(&o, result->args, why, begun);
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

void pair_close(struct turn *t, struct out_item *result, bool whole)
{
	yyjson_val *said = pair_parse(t, str_fmt(&t->arena, "{%.*s}", FMT(result->hosted.members)));
	result->tool->hosted->result.tell(&t->out.teller, &result->at, said);
	item_finish(t, result, whole);
}

void pair_cut(struct turn *t, struct out_item *result)
{
	result->hosted.members = pair_blank(t, result, S("It was cut off: it may have run in part, and was not run again."), true);
	pair_close(t, result, false);
}

void pair_mend(struct turn *t)
{
	const struct out_item *last = t->out.last;
	for (struct out_item *it = t->out.first; it; it = it == last ? NULL : it->next) {
		const struct out_item *other = it->next;
		while (other && !(pair_result(other) && str_eq(other->call_id, it->call_id)))
			other = other->next;
		if (pair_call(it) && it->json.n && !other)
			pair_result_make(t, it);
	}
}
