/* item_show.c - an item as clients see it. */
#include "model/item_show.h"

#include <string.h>

#include "model/hosted.h"

/* A member of a part that clients see only when `include` asks: of parts that hold what was sent whole. */
struct part_hidden {
	struct str include; /* {0}: nothing asks for it */
	struct str type;    /* of the part */
	struct str member, shown;
	struct str always[2]; /* members that each such part is shown with: null where it came without */
};
static const struct part_hidden parts_hidden[] = {
	{STR("message.input_image.image_url"), STR("input_image"), STR("image_url"), STR("null"),
	 {STR("image_url"), STR("file_id")}},
	{.include = STR("computer_call_output.output.image_url"), .type = STR("computer_screenshot"), .member = STR("image_url")},
	{.type = STR("input_file"), .member = STR("file_data")},
};
enum { PARTS_HIDDEN = sizeof parts_hidden / sizeof *parts_hidden, SHOW_BITS = 32 - PARTS_HIDDEN };

static unsigned part_bit(size_t row)
{
	return 1u << (SHOW_BITS + row);
}

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
	for (size_t i = 0; i < PARTS_HIDDEN; i++)
		if (parts_hidden[i].include.n && str_eq(parts_hidden[i].include, include))
			return part_bit(i);
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

static void write_part(struct jout *o, yyjson_val *part, unsigned show)
{
	struct str type = json_str(json_get(part, S("type")));
	const struct part_hidden *row = parts_hidden, *end = row + PARTS_HIDDEN;
	size_t i, max;
	yyjson_val *key, *val;
	while (row < end && !str_eq(row->type, type))
		row++;
	if (row == end) {
		jo_val(o, part);
		return;
	}
	bool may = !(show & part_bit((size_t)(row - parts_hidden)));
	jo_obj(o);
	yyjson_obj_foreach(part, i, max, key, val)
	{
		bool hides = may && str_eq(json_str(key), row->member);
		if (hides && !row->shown.n)
			continue;
		jo_key(o, json_str(key));
		if (hides)
			jo_raw(o, row->shown);
		else
			jo_val(o, val);
	}
	for (size_t k = 0; k < 2 && row->always[k].n; k++)
		if (!json_get(part, row->always[k])) {
			jo_key(o, row->always[k]);
			jo_null(o);
		}
	jo_obj_end(o);
}

/* What a message says or a tool gave: a part, or several. */
static void write_parts(struct jout *o, yyjson_val *parts, unsigned show)
{
	size_t i, max;
	yyjson_val *part;
	if (!yyjson_is_arr(parts)) {
		write_part(o, parts, show);
		return;
	}
	jo_arr(o);
	yyjson_arr_foreach(parts, i, max, part)
		write_part(o, part, show);
	jo_arr_end(o);
}

/* Members may be hidden in the item and in objects that are its members, where the item is `ours`; what clients sent whole is
 * hidden in its parts. */
static void write_members(struct jout *o, const struct item *it, bool ours, yyjson_val *from, struct str object, unsigned show)
{
	size_t i, max;
	yyjson_val *key, *val;
	jo_obj(o);
	yyjson_obj_foreach(from, i, max, key, val)
	{
		struct str name = json_str(key), instead = {0};
		bool hides = ours && item_show_hidden(it->type, object, name, show, &instead);
		if (hides && !instead.n)
			continue;
		jo_key(o, name);
		if (hides)
			jo_raw(o, instead);
		else if (from == it->val && (str_eq(name, S("content")) || str_eq(name, S("output"))))
			write_parts(o, val, show);
		else if (from == it->val && yyjson_is_obj(val))
			write_members(o, it, ours, val, name, show);
		else
			jo_val(o, val);
	}
	jo_obj_end(o);
}

static bool says(struct str json, const char *mark)
{
	return memmem(json.p, json.n, mark, strlen(mark)) != NULL;
}

/* In JSON text these can only be a member's name and values. */
static bool hides_any(struct str json)
{
	return says(json, "\"" ITEM_OURS_NAME "\":") || says(json, "\"input_image\"") || says(json, "\"file_data\"") ||
	       says(json, "\"computer_screenshot\"");
}

void item_show(struct buf *b, struct str json, unsigned show)
{
	struct arena tmp = {0};
	struct item it;
	if (hides_any(json) && item_view(&tmp, json, &it)) {
		struct jout o = {.b = b};
		write_members(&o, &it, json_get(it.val, ITEM_OURS) != NULL, it.val, S(""), show);
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
