/* turn_origin.c - who made the turn's items, and what that engine wants back with them. */
#include "turn/turn_origin.h"

#include "base/map.h"
#include "engine/marks.h"
#include "turn/turn.h"

struct str origin_call_id(struct turn *t)
{
	char fresh[ID_MAX];
	return str_copy(&t->arena, id_random(fresh, "call"));
}

void origin_piece(struct buf *b, struct str marks)
{
	if (!b->max)
		buf_init(b, (size_t)engine_limits.marks_bytes * 2);
	json_piece(b, marks);
}

void origin_begin(struct turn *t, struct out_origin *o, const struct model_event *me)
{
	if (me->call_id.n)
		o->id = str_copy(&t->arena, me->call_id);
	if (me->marks.n)
		origin_piece(&o->marks, me->marks);
}

void origin_release(struct out_origin *o)
{
	if (o->marks.max)
		buf_release(&o->marks);
}

/* --- what is kept ----------------------------------------------------------------------------------------- */

struct str origin_members(struct turn *t, struct str id, struct str thoughts, struct str pieces)
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
		origin_piece(&o->marks, buf_str(&t->out.marks));
		buf_clear(&t->out.marks);
	}
	o->marked = o->marks.max && o->marks.n;
	o->json = origin_members(t, o->id, o->thoughts, o->marked ? buf_str(&o->marks) : S(""));
}

void origin_again(struct turn *t, struct out_origin *o, yyjson_val *ours)
{
	struct str json = json_text(&t->arena, ours);
	struct origin read;
	if (!origin_read(ours, &read))
		return;
	o->json = (struct str){json.p + 1, json.n - 2};
	o->marked = read.marks;
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
	const char *between = o->json.n && o->others.n ? "," : "";
	if (!it->done || (!o->json.n && !o->others.n))
		return content;
	return str_fmt(&t->arena, "{\"content\":%.*s,\"" ITEM_OURS_NAME "\":{%.*s%s%.*s}}", FMT(content), FMT(o->json), between,
		       FMT(o->others));
}

/* --- given back ------------------------------------------------------------------------------------------- */

static void origin_know_calls(struct map *known, const struct item *items, size_t n)
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

static void origin_give_some(const struct map *known, struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (item_rows[items[i].type].flags & ITEM_CALL && !items[i].ours && items[i].call_id.n)
			items[i].ours = map_get(known, items[i].call_id);
}

void origin_give(struct item *items, size_t n, struct item *more, size_t n_more)
{
	struct map known = {0};
	origin_know_calls(&known, items, n);
	origin_know_calls(&known, more, n_more);
	if (known.n) {
		origin_give_some(&known, items, n);
		origin_give_some(&known, more, n_more);
	}
	map_release(&known);
}
