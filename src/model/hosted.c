/* hosted.c - what requests, prompts and streams know of the tools that we run ourselves. */
#include "model/hosted.h"

#include <assert.h>

static const struct hosted *const *rows;
static size_t n_rows;

/* A row that lacks its other half would only be missed in an answer; so the start stops on it. */
static void hosted_check(const struct hosted *h)
{
	assert(h->types[0].n && h->item != ITEM_NONE && h->function.n);
	assert(h->schema.n && h->params && h->arguments);
	assert(!h->text.member.n || (h->text.delta && h->text.done));
	for (int i = 0; i < TOOL_PHASES; i++)
		assert(h->events[i]);
}

void hosted_set(const struct hosted *const *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hosted_check(table[i]);
	rows = table;
	n_rows = n;
}

const struct hosted *hosted_at(size_t i)
{
	return i < n_rows ? rows[i] : NULL;
}

const struct hosted *hosted_of_type(struct str type)
{
	for (size_t i = 0; i < n_rows; i++)
		for (size_t k = 0; k < HOSTED_TYPES && rows[i]->types[k].n; k++)
			if (str_eq(rows[i]->types[k], type))
				return rows[i];
	return NULL;
}

const struct hosted *hosted_of_item(enum item_type type)
{
	for (size_t i = 0; i < n_rows && type != ITEM_NONE; i++) {
		if (rows[i]->item == type)
			return rows[i];
		for (size_t k = 0; k < HOSTED_ITEMS; k++)
			if (rows[i]->also[k] == type)
				return rows[i];
	}
	return NULL;
}

struct str hosted_told(struct arena *a, const struct item *it)
{
	const struct hosted *h = hosted_of_item(it->type);
	struct str told = json_str(json_get(json_get(it->val, ITEM_OURS), S("told")));
	if (!told.p && h->found)
		told = h->found(a, it->val);
	if (told.p)
		return told;
	return str_eq(json_str(json_get(it->val, S("status"))), S("failed"))
		   ? S("This call failed.")
		   : S("What was found then is no longer at hand.");
}
