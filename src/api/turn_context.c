/* turn_context.c - what a turn stands on: stored items as views, references, whether there is anything at all. */
#include "api/turn_kind.h"

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

struct str *turn_reference_ids(struct turn *t, size_t *n)
{
	struct str *ids = new_array(&t->arena, struct str, t->req.n_items);
	for (size_t i = 0; i < t->req.n_items; i++)
		if (t->req.items[i].type == ITEM_REFERENCE)
			ids[(*n)++] = t->req.items[i].id;
	return ids;
}

bool turn_input_given(struct turn *t, struct err *e)
{
	if (t->kind || t->context.n_history || t->req.n_items || t->req.echo.prompt.p || !t->req.generate)
		return true;
	return fail(e, ERR_MISSING_PARAMETER, NULL,
	            "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.");
}
