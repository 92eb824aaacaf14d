/* turn_context.c - what a turn stands on: stored items as views, references, whether there is anything at all. */
#include "model/hosted_server.h"
#include "model/item_show.h"
#include "turn/turn_kind.h"

static bool item_counts(const struct item *it)
{
	/* Unfinished calls leave the context: nobody will answer them. */
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

/* What a model made, as a client sends it back: what we keep with it is not in it. */
static bool own_item(const struct item *it)
{
	struct id id;
	bool made = hosted_of_item(it->type) || item_rows[it->type].flags & ITEM_CALL ||
		    (it->type == ITEM_REASONING && !json_str(json_get(it->val, S("encrypted_content"))).n) ||
		    (it->type == ITEM_MESSAGE && str_eq(it->role, S("assistant")));
	return made && !it->ours && id_parse_any(it->id, &id);
}

/* Of very many only the last are looked for: what was signed matters in the turn that goes on. */
static size_t own_from(const struct turn *t)
{
	size_t i = t->req.n_items, n = 0;
	while (i && n < (size_t)api_limits.kept_items)
		n += own_item(&t->req.items[--i]);
	return i;
}

struct str *turn_referred_ids(struct turn *t, size_t *n_references, size_t *n)
{
	struct str *ids = new_array(&t->arena, struct str, t->req.n_items);
	for (size_t i = 0; i < t->req.n_items; i++)
		if (t->req.items[i].type == ITEM_REFERENCE)
			ids[(*n)++] = t->req.items[i].id;
	*n_references = *n;
	for (size_t i = own_from(t); i < t->req.n_items; i++)
		if (own_item(&t->req.items[i]))
			ids[(*n)++] = t->req.items[i].id;
	return ids;
}

/* Does `kept` say all that `sent` says? Clients leave out what is empty. */
static bool turn_context_within(yyjson_val *sent, yyjson_val *kept)
{
	size_t i, max;
	yyjson_val *key, *val;
	if (yyjson_is_obj(sent) && yyjson_is_obj(kept)) {
		yyjson_obj_foreach(sent, i, max, key, val)
		{
			if (!turn_context_within(val, json_get(kept, json_str(key))))
				return false;
		}
		return true;
	}
	if (yyjson_is_arr(sent) && yyjson_is_arr(kept) && yyjson_arr_size(sent) == yyjson_arr_size(kept)) {
		yyjson_arr_iter all = yyjson_arr_iter_with(kept);
		yyjson_arr_foreach(sent, i, max, val)
		{
			if (!turn_context_within(val, yyjson_arr_iter_next(&all)))
				return false;
		}
		return true;
	}
	return json_same(sent, kept) || ((!kept || yyjson_is_null(kept)) && (!sent || yyjson_is_null(sent)));
}

/* Has the client changed what it was shown? (Then it is another item: what is kept never changes.) */
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
		bool ours = hosted_of_item(kept->type) != NULL;
		yyjson_val *most = json_get(whole.val, k), *few = json_get(least.val, k);
		if (ours ? !json_same(val, most) && !json_same(val, few) : !turn_context_within(val, few) && !turn_context_within(val, most))
			return false;
	}
	return true;
}

/* Clients send lists and calls of servers back without what they say: then what is kept counts. */
static bool left_out(const struct item *sent, const struct item *kept)
{
	const struct hosted *h = hosted_of_item(kept->type);
	yyjson_val *output = json_get(sent->val, S("output")), *error = json_get(sent->val, S("error"));
	if (!h || !h->server || sent->type != kept->type)
		return false;
	return kept->type == h->server->list ||
	       (kept->type == h->item && (!output || yyjson_is_null(output)) && (!error || yyjson_is_null(error)));
}

bool turn_context_same(struct turn *t, const struct item *sent, const struct item *kept)
{
	return left_out(sent, kept) || unchanged(t, sent, kept);
}

void turn_own_items(struct turn *t, size_t n_references)
{
	size_t r = n_references;
	for (size_t i = own_from(t); i < t->req.n_items && t->context.referred; i++) {
		struct item *it = &t->req.items[i], kept;
		if (!own_item(it))
			continue;
		struct str json = t->context.referred[r++].json;
		if (json.n && item_view(&t->arena, json, &kept) && turn_context_same(t, it, &kept))
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
