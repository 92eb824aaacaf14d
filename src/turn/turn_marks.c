/* turn_marks.c - marks on their way from the engine's events to the items. */
#include "turn/turn_marks.h"

#include "model/origin.h"
#include "turn/turn_output_parts.h"
#include "turn/turn_sealed.h"

static struct out_item *marks_open_call(struct turn *t, int index)
{
	struct out_item *it = t->out.first;
	while (it && (!it->tool || it->done || it->call_index != index))
		it = it->next;
	return it;
}

void marks_take(struct turn *t, const struct model_event *me)
{
	struct out_origin *hosted = me->index < 0 ? NULL : turn_tools_origin(t, me->index);
	struct out_item *it = me->index < 0 || hosted ? NULL : marks_open_call(t, me->index);
	if (me->index < 0)
		origin_piece(&t->out.marks, me->text);
	else if (hosted)
		origin_piece(&hosted->marks, me->text);
	else if (it)
		origin_piece(&it->origin.marks, me->text);
	if (it)
		it->origin.sealed = false;
}

static struct str marks_of_call(struct turn *t, struct str call_id, struct str json)
{
	return str_fmt(&t->arena, "\"%.*s\":{%.*s}", FMT(call_id), FMT(json));
}

static struct str marks_of_calls(struct turn *t, struct str calls)
{
	return str_fmt(&t->arena, "\"calls\":{%.*s}", FMT(calls));
}

/* A reasoning item without a text, whose sealed part has these members. */
static void marks_add_sealed(struct turn *t, struct str members)
{
	struct out_item *it = item_open(t, ITEM_REASONING);
	if (!it)
		return;
	it->origin.others = members;
	item_added(t, it);
	item_finish(t, it, true);
}

static struct str marks_joined(struct turn *t, struct str a, struct str b)
{
	return a.n && b.n ? str_fmt(&t->arena, "%.*s,%.*s", FMT(a), FMT(b)) : a.n ? a : b;
}

void marks_before(struct turn *t, enum item_type type)
{
	struct str items = {0};
	if (type != ITEM_REASONING && sealed_alone(t))
		items = sealed_items(t, t->out.tools.told);
	if (items.n)
		marks_add_sealed(t, items);
}

void marks_into(struct turn *t, struct out_item *it)
{
	it->origin.others = marks_joined(t, it->origin.others, sealed_items(t, t->out.tools.told));
}

bool marks_before_call(struct turn *t, const struct model_event *me, struct str call_id, bool closed)
{
	struct out_item *last = t->out.last;
	bool open = last && !last->done && last->type == ITEM_REASONING;
	bool worth = me->marks.n || origin_id_speaks(me->call_id, me->name);
	if (!t->req.include_encrypted || me->index > 0 || closed == open || (closed && !worth))
		return false; /* others: marks_after() */
	struct str json = origin_members(t, me->call_id, (struct str){0}, me->marks);
	struct str members = json.n ? marks_of_calls(t, marks_of_call(t, call_id, json)) : json;
	if (json.n && open)
		last->origin.others = members;
	else if (json.n)
		marks_add_sealed(t, members);
	return json.n;
}

void marks_after(struct turn *t)
{
	struct str calls = {0};
	for (struct out_item *it = t->out.first; it; it = it->next) {
		const struct out_origin *o = &it->origin;
		if (!it->tool || !it->done || !it->json.n || it->tool->hosted || o->sealed || !o->json.n ||
		    (!o->marked && !origin_id_speaks(o->id, it->tool->name)))
			continue;
		it->origin.sealed = true;
		struct str one = marks_of_call(t, it->call_id, o->json);
		calls = calls.n ? str_fmt(&t->arena, "%.*s,%.*s", FMT(calls), FMT(one)) : one;
	}
	struct str items = sealed_alone(t) ? sealed_items(t, t->out.last) : (struct str){0}, members = {0};
	if (calls.n && t->req.include_encrypted)
		members = marks_of_calls(t, calls);
	members = marks_joined(t, members, items);
	if (members.n)
		marks_add_sealed(t, members);
}
