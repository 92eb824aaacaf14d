/* turn_origin.c - who made the turn's items, and what that engine wants back with them. */
#include "turn/turn_origin.h"

#include <string.h>

#include "base/map.h"
#include "engine/marks.h"
#include "turn/turn_output_parts.h"

struct str origin_call_id(struct turn *t)
{
	char fresh[ID_MAX];
	return str_copy(&t->arena, id_random(fresh, "call"));
}

static void add_piece(struct buf *b, struct str marks)
{
	if (!b->max)
		buf_init(b, (size_t)engine_limits.marks_bytes * 2);
	json_piece(b, marks);
}

static struct out_item *open_call(struct turn *t, int index)
{
	struct out_item *it = t->out.first;
	while (it && (!it->tool || it->done || it->call_index != index))
		it = it->next;
	return it;
}

void origin_marks(struct turn *t, const struct model_event *me)
{
	struct out_origin *hosted = me->index < 0 ? NULL : turn_tools_origin(t, me->index);
	struct out_item *it = me->index < 0 || hosted ? NULL : open_call(t, me->index);
	if (me->index < 0)
		add_piece(&t->out.marks, me->text);
	else if (hosted)
		add_piece(&hosted->marks, me->text);
	else if (it)
		add_piece(&it->origin.marks, me->text);
	if (it)
		it->origin.sealed = false;
}

void origin_begin(struct turn *t, struct out_origin *o, const struct model_event *me)
{
	if (me->call_id.n)
		o->id = str_copy(&t->arena, me->call_id);
	if (me->marks.n)
		add_piece(&o->marks, me->marks);
}

void origin_release(struct out_origin *o)
{
	if (o->marks.max)
		buf_release(&o->marks);
}

/* --- what is kept ----------------------------------------------------------------------------------------- */

/* The members of an origin, one object's; {0}: there is nothing to keep. */
static struct str members(struct turn *t, struct str id, struct str thoughts, struct str pieces)
{
	struct buf b, marks;
	struct origin o = {.engine = t->call.served_engine, .model = t->call.served_model, .id = id, .thoughts = thoughts};
	if (!id.n && !thoughts.n && !pieces.n)
		return (struct str){0};
	buf_init(&b, SIZE_MAX / 2);
	buf_init(&marks, SIZE_MAX / 2);
	json_sum(&(struct jout){.b = &marks}, pieces);
	origin_put(&(struct jout){.b = &b}, &o, buf_str(&marks));
	struct str json = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	buf_release(&marks);
	return json;
}

void origin_settle(struct turn *t, struct out_origin *o)
{
	if (o->json.n || !t->call.served_engine.n)
		return;
	if (t->out.marks.n) {
		add_piece(&o->marks, buf_str(&t->out.marks));
		buf_clear(&t->out.marks);
	}
	o->marked = o->marks.max && o->marks.n;
	o->json = members(t, o->id, o->thoughts, o->marked ? buf_str(&o->marks) : S(""));
}

struct str origin_kept(struct turn *t, const struct out_item *it, struct str json)
{
	if (!it->origin.json.n || !json.n)
		return json;
	return str_fmt(&t->arena, "%.*s,\"" ITEM_OURS_NAME "\":{%.*s}}", (int)json.n - 1, json.p, FMT(it->origin.json));
}

/* --- what is sealed --------------------------------------------------------------------------------------- */

struct str origin_sealed(struct turn *t, const struct out_item *it, struct str content)
{
	const struct out_origin *o = &it->origin;
	const char *between = o->json.n && o->calls.n ? "," : "";
	if (!it->done || (!o->json.n && !o->calls.n))
		return content;
	return str_fmt(&t->arena, "{\"content\":%.*s,\"" ITEM_OURS_NAME "\":{%.*s%s%s%.*s%s}}", FMT(content), FMT(o->json),
		       between, o->calls.n ? "\"calls\":{" : "", FMT(o->calls), o->calls.n ? "}" : "");
}

static struct str of_call(struct turn *t, struct str call_id, struct str json)
{
	return str_fmt(&t->arena, "\"%.*s\":{%.*s}", FMT(call_id), FMT(json));
}

/* An id that a model made of the function's name (Kimi's "functions.get_weather:0") is seen by it again; a random one
 * means nothing to it, and is not worth an item. */
static bool names_function(struct str id, struct str name)
{
	return name.n && id.n > name.n && memmem(id.p, id.n, name.p, name.n);
}

/* A reasoning item without a text, whose sealed part says what is in `calls`. */
static void add_sealed(struct turn *t, struct str calls)
{
	struct out_item *it = item_open(t, ITEM_REASONING);
	if (!it)
		return;
	it->origin.calls = calls;
	item_added(t, it);
	item_finish(t, it, true);
}

bool origin_before_call(struct turn *t, const struct model_event *me, struct str call_id, bool closed)
{
	struct out_item *last = t->out.last;
	bool open = last && !last->done && last->type == ITEM_REASONING;
	bool worth = me->marks.n || names_function(me->call_id, me->name);
	if (!t->req.include_encrypted || me->index > 0 || closed == open || (closed && !worth))
		return false; /* others: origin_after() */
	struct str json = members(t, me->call_id, (struct str){0}, me->marks);
	if (json.n && open)
		last->origin.calls = of_call(t, call_id, json);
	else if (json.n)
		add_sealed(t, of_call(t, call_id, json));
	return json.n;
}

void origin_after(struct turn *t)
{
	struct str calls = {0};
	for (struct out_item *it = t->out.first; it; it = it->next) {
		const struct out_origin *o = &it->origin;
		if (!it->tool || !it->done || !it->json.n || it->tool->hosted || o->sealed || !o->json.n ||
		    (!o->marked && !names_function(o->id, it->tool->name)))
			continue;
		it->origin.sealed = true;
		struct str one = of_call(t, it->call_id, o->json);
		calls = calls.n ? str_fmt(&t->arena, "%.*s,%.*s", FMT(calls), FMT(one)) : one;
	}
	if (calls.n && t->req.include_encrypted)
		add_sealed(t, calls);
}

/* --- given back ------------------------------------------------------------------------------------------- */

static void know_calls(struct map *known, const struct item *items, size_t n)
{
	size_t k, max;
	yyjson_val *key, *val;
	for (size_t i = 0; i < n; i++) {
		if (items[i].type != ITEM_REASONING)
			continue;
		yyjson_obj_foreach(json_get(items[i].ours, S("calls")), k, max, key, val)
			map_put(known, json_str(key), val);
	}
}

static void give(const struct map *known, struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (item_rows[items[i].type].flags & ITEM_CALL && !items[i].ours && items[i].call_id.n)
			items[i].ours = map_get(known, items[i].call_id);
}

void origin_give(struct item *items, size_t n, struct item *more, size_t n_more)
{
	struct map known = {0};
	know_calls(&known, items, n);
	know_calls(&known, more, n_more);
	if (known.n) {
		give(&known, items, n);
		give(&known, more, n_more);
	}
	map_release(&known);
}
