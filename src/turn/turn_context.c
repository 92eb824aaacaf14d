/* turn_context.c - what a turn stands on: stored items as views, references, whether there is anything at all. */
#include "model/item_show.h"
#include "turn/turn_kind.h"

static bool item_counts(const struct item *it)
{
	/* Unfinished calls leave the context (decision D1). */
	struct str status = json_str(json_get(it->val, S("status")));
	return !(item_rows[it->type].flags & ITEM_CALL) || !str_eq(status, S("incomplete"));
}

bool turn_context_view(struct turn *t, struct err *e)
{
	t->context.history = new_array(&t->arena, struct item, t->context.stored.n);
	for (size_t i = 0; i < t->context.stored.n; i++) {
		struct item *it = &t->context.history[t->context.n_history];
		if (!item_view(&t->arena, t->context.stored.items[i].json, it))
			return fail(e, ERR_STORE, NULL, "A stored item could not be read.");
		t->context.n_history += item_counts(it);
	}
	return true;
}

/* A call that we ran, as a client sends it back: what was found is not in it. */
static bool own_call(const struct item *it)
{
	struct id id;
	return hosted_of_item(it->type) && !json_get(it->val, ITEM_OURS) && id_parse_any(it->id, &id);
}

struct str *turn_referred_ids(struct turn *t, size_t *n_references, size_t *n)
{
	struct str *ids = new_array(&t->arena, struct str, t->req.n_items);
	for (size_t i = 0; i < t->req.n_items; i++)
		if (t->req.items[i].type == ITEM_REFERENCE)
			ids[(*n)++] = t->req.items[i].id;
	*n_references = *n;
	for (size_t i = 0; i < t->req.n_items; i++)
		if (own_call(&t->req.items[i]))
			ids[(*n)++] = t->req.items[i].id;
	return ids;
}

/* Has the client changed what it was shown? (Decision D1: then it is another item.) */
static bool unchanged(struct turn *t, const struct item *sent, const struct item *kept)
{
	size_t i, max;
	yyjson_val *key, *val;
	struct str all = item_shown(&t->arena, json_text(&t->arena, kept->val), ~0u);
	struct str bare = item_shown(&t->arena, json_text(&t->arena, kept->val), 0);
	struct item whole, least;
	if (sent->type != kept->type || !item_view(&t->arena, all, &whole) || !item_view(&t->arena, bare, &least))
		return false;
	yyjson_obj_foreach(sent->val, i, max, key, val)
	{
		struct str k = json_str(key);
		if (!json_same(val, json_get(whole.val, k)) && !json_same(val, json_get(least.val, k)))
			return false;
	}
	return true;
}

void turn_own_calls(struct turn *t, size_t n_references)
{
	size_t r = n_references;
	for (size_t i = 0; i < t->req.n_items && t->context.referred; i++) {
		struct item *it = &t->req.items[i], kept;
		if (!own_call(it))
			continue;
		struct str json = t->context.referred[r++].json;
		if (json.n && item_view(&t->arena, json, &kept) && unchanged(t, it, &kept))
			*it = kept;
	}
}

bool turn_input_given(struct turn *t, struct err *e)
{
	if (t->kind || t->context.n_history || t->req.n_items || t->req.echo.prompt.p || !t->req.generate)
		return true;
	return fail(e, ERR_MISSING_PARAMETER, NULL,
	            "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.");
}
