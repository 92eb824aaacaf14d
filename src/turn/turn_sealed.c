/* turn_sealed.c - items that a client keeps for us, with what we keep of them sealed beside. */
#include "turn/turn_sealed.h"

#include "turn/call_pair.h"
#include "turn/turn_context.h"
#include "wire/json_swap.h"

/* --- what is sealed --------------------------------------------------------------------------------------- */

/* Calls that we ran, but those whose results are items of their own, and whatever was signed. Ids of an engine alone are not worth an item. */
static bool sealed_due(const struct out_item *it)
{
	const struct out_origin *o = &it->origin;
	bool ran = it->tool && it->tool->hosted && !it->tool->hosted->ends_in &&
		   (it->type == it->tool->hosted->item || pair_result(it));
	bool clients = it->tool && !it->tool->hosted; /* turn_marks.h */
	if (!it->done || !it->json.n || it->json.p == it->shown.p || o->sealed || clients || it->type == ITEM_REASONING)
		return false;
	return ran || o->marked;
}

/* A picture is not hidden: the client sends it back itself. */
static struct str sealed_json(struct turn *t, const struct out_item *it)
{
	const struct hosted *h = hosted_of_item(it->type);
	struct json_swap picture = {h ? h->picture : (struct str){0}, STR("null")};
	struct item kept;
	if (!h || !h->picture.n || !item_view(&t->arena, it->json, &kept))
		return it->json;
	return json_swapped(&t->arena, kept.val, &picture, 1);
}

bool sealed_alone(const struct turn *t)
{
	return t->reader.form != REPLY_WS;
}

struct str sealed_items(struct turn *t, const struct out_item *last)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_key(&o, S("items"));
	jo_arr(&o);
	size_t empty = b.n;
	struct out_item *it = last && t->req.include_encrypted && !t->req.store ? t->out.first : NULL;
	for (; it; it = it == last ? NULL : it->next) {
		if (!sealed_due(it))
			continue;
		struct str json = sealed_json(t, it);
		size_t all = b.n + json.n;
		it->origin.sealed = true;
		if (all <= (size_t)api_limits.sealed_bytes && t->out.bytes + all <= (size_t)api_limits.output_bytes)
			jo_raw(&o, json);
	}
	struct str members = {0};
	if (b.n > empty) {
		t->out.bytes += b.n;
		jo_arr_end(&o);
		members = str_copy(&t->arena, buf_str(&b));
	}
	buf_release(&b);
	return members;
}

/* --- given back ------------------------------------------------------------------------------------------- */

/* The items of history and input as one list. */
static struct item *sealed_at(struct turn *t, size_t i)
{
	return i < t->context.n_history ? &t->context.history[i] : &t->context.input[i - t->context.n_history];
}

/* The items that this one seals; NULL: none. */
static yyjson_val *sealed_in(const struct item *it)
{
	return it->type == ITEM_REASONING ? json_get(it->ours, S("items")) : NULL;
}

/* Becomes what was kept, if it is that item. */
static bool sealed_put(struct turn *t, struct item *it, yyjson_val *one)
{
	const struct hosted *h = hosted_of_item(it->type);
	struct json_swap picture = {h ? h->picture : (struct str){0}, STR("null")};
	struct item kept;
	if (picture.key.n && json_get(it->val, picture.key))
		picture.json = json_text(&t->arena, json_get(it->val, picture.key));
	struct str json = picture.key.n ? json_swapped(&t->arena, one, &picture, 1) : json_text(&t->arena, one);
	if (!item_view(&t->arena, json, &kept) || !turn_context_same(t, it, &kept))
		return false;
	*it = kept;
	return true;
}

static bool sealed_may_be(const struct item *it, yyjson_val *one)
{
	return item_type_of(one) == it->type && (!it->id.n || str_eq(it->id, json_str(json_get(one, S("id")))));
}

/* What the item at `i` seals, to those before it. *left: how many more may be compared. */
static void sealed_open(struct turn *t, size_t i, size_t *left)
{
	yyjson_val *list = sealed_in(sealed_at(t, i));
	size_t n = yyjson_arr_size(list), given = 0;
	yyjson_val **some = new_array(&t->arena, yyjson_val *, n), *one;
	size_t k, max;
	yyjson_arr_foreach(list, k, max, one) some[k] = one;
	while (given < n && *left && i-- > 0 && !sealed_in(sealed_at(t, i))) {
		struct item *it = sealed_at(t, i);
		if (it->ours)
			continue;
		for (k = n;
		     k-- > 0 && *left;) { /* from the last, as the items: two that look the same keep their order */
			if (!some[k] || !sealed_may_be(it, some[k]))
				continue;
			--*left;
			if (!sealed_put(t, it, some[k]))
				continue;
			some[k] = NULL;
			given++;
			break;
		}
	}
}

void sealed_give(struct turn *t)
{
	size_t left = (size_t)api_limits.kept_items;
	for (size_t i = t->context.n_history + t->context.n_input; i-- > 0 && left;)
		if (sealed_in(sealed_at(t, i)))
			sealed_open(t, i, &left);
}
