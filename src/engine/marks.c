/* marks.c - what an engine signs, and wants back with what it said. */
#include "engine/marks.h"

enum { M = MARK_MESSAGE, C = MARK_CALL, F = MARK_FUNCTION, PIECE_MAX = 4 << 20 };

static const struct mark_row {
	struct str name;
	unsigned places;
} rows[] = {
#define MARK(name, places) {STR(name), places},
#include "engine/marks.def"
#undef MARK
};

static struct str mark_place_name(enum mark_place place)
{
	return place == MARK_MESSAGE ? S("message") : place == MARK_CALL ? S("call") : S("function");
}

static bool mark_is_empty(yyjson_val *v)
{
	return !v || yyjson_is_null(v) || (yyjson_is_str(v) && !json_str(v).n) ||
	       (yyjson_is_ctn(v) && !unsafe_yyjson_get_len(v));
}

bool mark_is(enum mark_place place, struct str name, yyjson_val *v)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].places & place && str_eq(rows[i].name, name))
			return !mark_is_empty(v);
	return false;
}

/* The value as text that json_parse() reads again. */
static bool mark_put(struct jout *o, yyjson_val *v)
{
	size_t n = 0;
	struct arena tmp = {0};
	struct err ignored = {0};
	struct utf8_join join = {0};
	struct buf room, whole;
	yyjson_val *read = NULL;
	buf_init(&room, PIECE_MAX);
	buf_init(&whole, PIECE_MAX);
	char *text = json_render(v, &n);
	buf_add(&whole, utf8_join(&join, (struct str){text, n}, &room));
	buf_add(&whole, utf8_join_end(&join));
	bool ok = text && !whole.over && json_parse(&tmp, buf_str(&whole), &read, &ignored);
	if (ok)
		jo_val(o, read);
	buf_release(&room);
	buf_release(&whole);
	arena_free(&tmp);
	xfree(text);
	return ok;
}

static bool marks_read_place(struct jout *o, enum mark_place place, yyjson_val *from)
{
	size_t i, max;
	yyjson_val *key, *val;
	bool any = false, ok = true;
	yyjson_obj_foreach(from, i, max, key, val)
	{
		struct str name = json_str(key);
		if (!mark_is(place, name, val))
			continue;
		if (!any) {
			if (!o->comma && !o->b->n)
				jo_obj(o);
			jo_key(o, mark_place_name(place));
			jo_obj(o);
		}
		any = true;
		jo_key(o, name);
		ok = ok && mark_put(o, val);
	}
	if (any)
		jo_obj_end(o);
	return ok;
}

bool marks_read(struct buf *out, yyjson_val *message, yyjson_val *call, yyjson_val *function)
{
	struct buf b;
	buf_init(&b, out->max);
	struct jout o = {.b = &b};
	bool ok = marks_read_place(&o, MARK_MESSAGE, message) && marks_read_place(&o, MARK_CALL, call) &&
		  marks_read_place(&o, MARK_FUNCTION, function);
	if (b.n)
		jo_obj_end(&o);
	if (ok)
		buf_add(out, buf_str(&b));
	ok = ok && !b.over && !out->over;
	buf_release(&b);
	return ok;
}

void marks_put_of(struct jout *o, yyjson_val **marks, size_t n, enum mark_place place)
{
	struct arena tmp = {0};
	struct err ignored = {0};
	struct buf b;
	yyjson_val *all, *key, *val;
	size_t i, max, k = 0;
	for (size_t m = 0; m < n; m++)
		if ((val = json_get(marks[m], mark_place_name(place))))
			marks[k++] = val;
	if (!k)
		return;
	buf_init(&b, SIZE_MAX / 2);
	json_sum_of(&(struct jout){.b = &b}, marks, k);
	if (json_parse(&tmp, buf_str(&b), &all, &ignored))
		yyjson_obj_foreach(all, i, max, key, val)
		{
			jo_key(o, json_str(key));
			jo_val(o, val);
		}
	buf_release(&b);
	arena_free(&tmp);
}

void marks_put(struct jout *o, struct str pieces, enum mark_place place)
{
	struct arena tmp = {0};
	struct err ignored = {0};
	yyjson_val *list = NULL, *val;
	size_t i, max, n = 0;
	if (pieces.n && json_parse(&tmp, str_fmt(&tmp, "[%.*s]", FMT(pieces)), &list, &ignored)) {
		yyjson_val **values = new_array(&tmp, yyjson_val *, yyjson_arr_size(list) + 1);
		yyjson_arr_foreach(list, i, max, val) values[n++] = val;
		marks_put_of(o, values, n, place);
	}
	arena_free(&tmp);
}
