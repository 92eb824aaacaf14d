/* hosted.c - what requests, prompts and streams know of the tools that we run ourselves. */
#include "model/hosted.h"

#include <assert.h>

static const struct hosted *const *rows;
static size_t n_rows;

/* A row that lacks its other half would only be missed in an answer; so the start stops on it. */
static void hosted_check(const struct hosted *h)
{
	assert(h->types[0].n && h->item != ITEM_NONE && h->function.n);
	assert((h->arguments || h->claims) && (h->server || (h->schema.n && h->params)));
	assert(!h->claims || (h->result.type && h->result.tell && h->result.blank));
	assert(!h->text.member.n || h->ends_in || (h->text.delta && h->text.done));
	for (int i = 0; i < TOOL_PHASES; i++)
		assert(h->events[i] || h->ends_in || h->result.type || (h->server && i == TOOL_RUNS));
	assert(!h->ends_in || hosted_extra(h, h->ends_in));
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

const struct hosted *hosted_of_tool(yyjson_val *tool)
{
	const struct hosted *h = hosted_of_type(json_str(json_get(tool, S("type"))));
	return h && (!h->claims || h->claims(tool)) ? h : NULL;
}

const struct hosted *hosted_of_output(enum item_type type, yyjson_val *item)
{
	for (size_t i = 0; i < n_rows && type != ITEM_NONE; i++)
		if (rows[i]->result.type == type || (rows[i]->item == type && rows[i]->claims && rows[i]->claims(item)))
			return rows[i];
	return hosted_of_item(type);
}

struct str hosted_place(const struct hosted *h, yyjson_val *item)
{
	return json_str(json_get(h->place_in.n ? json_get(item, h->place_in) : item, h->place));
}

const struct hosted *hosted_of_item(enum item_type type)
{
	for (size_t i = 0; i < n_rows && type != ITEM_NONE; i++) {
		if (rows[i]->item == type && !rows[i]->claims)
			return rows[i];
		for (size_t k = 0; k < HOSTED_ITEMS; k++)
			if (rows[i]->also[k].type == type)
				return rows[i];
	}
	return NULL;
}

enum event_type hosted_event(const struct hosted *h, enum tool_phase phase, bool ran, bool failed)
{
	if (phase == TOOL_RUNS && !ran)
		return 0;
	return phase == TOOL_ENDED && failed ? h->failed : h->events[phase];
}

bool hosted_ran(const struct hosted *h, struct arena *a, yyjson_val *item)
{
	struct err ignored = {0};
	yyjson_val *blank, *key, *val;
	size_t i, max;
	bool says = false; /* null alone is what a failure leaves, too */
	if (!str_eq(json_str(json_get(item, S("status"))), S("failed")) ||
	    !json_parse(a, str_fmt(a, "{%.*s}", FMT(h->blank)), &blank, &ignored))
		return true;
	yyjson_obj_foreach(blank, i, max, key, val)
	{
		if (!json_same(val, json_get(item, json_str(key))))
			return true;
		says |= !yyjson_is_null(val);
	}
	return !says;
}

const struct hosted_extra *hosted_extra(const struct hosted *h, enum item_type type)
{
	for (size_t k = 0; k < HOSTED_ITEMS && type != ITEM_NONE; k++)
		if (h->also[k].type == type)
			return &h->also[k];
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
