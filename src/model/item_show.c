/* item_show.c - an item as clients see it. */
#include "model/item_show.h"

#include <string.h>

#include "model/hosted.h"

enum { SHOW_BITS = 32 };

/* The bits go to the rows of all tools in their order. false: there are no more. */
static bool hidden_at(size_t bit, const struct hosted **ret, const struct hosted_hidden **row)
{
	for (size_t i = 0; (*ret = hosted_at(i)); i++)
		for (size_t k = 0; k < HOSTED_MEMBERS && (*ret)->hidden[k].include.n; k++)
			if (bit-- == 0) {
				*row = &(*ret)->hidden[k];
				return true;
			}
	return false;
}

unsigned item_show_bit(struct str include)
{
	const struct hosted *h;
	const struct hosted_hidden *row;
	for (size_t bit = 0; bit < SHOW_BITS && hidden_at(bit, &h, &row); bit++)
		if (str_eq(row->include, include))
			return 1u << bit;
	return 0;
}

/* *instead: what stands there, {0}: nothing. */
static bool item_show_hidden(enum item_type type, struct str object, struct str member, unsigned show,
			     struct str *instead)
{
	const struct hosted *h;
	const struct hosted_hidden *row;
	*instead = (struct str){0};
	for (size_t bit = 0; bit < SHOW_BITS && hidden_at(bit, &h, &row); bit++)
		if (h->item == type && str_eq(row->object, object) && str_eq(row->member, member)) {
			*instead = row->shown;
			return !(show & 1u << bit);
		}
	return !object.n && str_eq(member, ITEM_OURS);
}

/* Members may be hidden in the item and in objects that are its members. */
static void write_members(struct jout *o, const struct item *it, yyjson_val *from, struct str object, unsigned show)
{
	size_t i, max;
	yyjson_val *key, *val;
	jo_obj(o);
	yyjson_obj_foreach(from, i, max, key, val)
	{
		struct str instead;
		bool hides = item_show_hidden(it->type, object, json_str(key), show, &instead);
		if (hides && !instead.n)
			continue;
		jo_key(o, json_str(key));
		if (hides)
			jo_raw(o, instead);
		else if (from == it->val && yyjson_is_obj(val))
			write_members(o, it, val, json_str(key), show);
		else
			jo_val(o, val);
	}
	jo_obj_end(o);
}

/* In JSON text this can only be a member's name. */
static bool hides_any(struct str json)
{
	static const char mark[] = "\"" ITEM_OURS_NAME "\":";
	return memmem(json.p, json.n, mark, sizeof mark - 1) != NULL;
}

void item_show(struct buf *b, struct str json, unsigned show)
{
	struct arena tmp = {0};
	struct item it;
	if (hides_any(json) && item_view(&tmp, json, &it) && json_get(it.val, ITEM_OURS)) {
		struct jout o = {.b = b};
		write_members(&o, &it, it.val, S(""), show);
	} else {
		buf_add(b, json);
	}
	arena_free(&tmp);
}

struct str item_shown(struct arena *a, struct str json, unsigned show)
{
	struct buf b;
	if (!hides_any(json))
		return json;
	buf_init(&b, json.n * 8 + 64); /* escapes may be written in another way */
	item_show(&b, json, show);
	struct str shown = str_copy(a, buf_str(&b));
	buf_release(&b);
	return shown;
}
