/* json_sum.c - a JSON value that comes in pieces, added up as clients add up the deltas of a stream. */
#include "wire/json_sum.h"

#include <string.h>

#include "base/map.h"

/* Values of one member or element, in the order in which they came. */
struct group {
	struct str key;
	yyjson_val **values;
	size_t n, cap;
};
struct groups {
	struct arena *a;
	struct group *list;
	size_t n, cap;
	struct map by_key; /* group + 1, as a number */
};

void json_piece(struct buf *pieces, struct str json)
{
	if (pieces->n)
		buf_byte(pieces, ',');
	buf_add(pieces, json);
}

static void *sum_grown(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return old;
	*cap = n ? n * 2 : 4;
	void *more = arena_alloc(a, *cap * size);
	if (n)
		memcpy(more, old, n * size);
	return more;
}

static struct group *group_new(struct groups *g)
{
	g->list = sum_grown(g->a, g->list, g->n, &g->cap, sizeof *g->list);
	g->list[g->n] = (struct group){0};
	return &g->list[g->n++];
}

static struct group *group_at(struct groups *g, struct str key)
{
	uintptr_t at = (uintptr_t)map_get(&g->by_key, key);
	if (at)
		return &g->list[at - 1];
	struct group *fresh = group_new(g);
	fresh->key = key;
	map_put(&g->by_key, key, (void *)(uintptr_t)g->n);
	return fresh;
}

static void sum_group_add(struct groups *g, struct group *to, yyjson_val *v)
{
	to->values = sum_grown(g->a, to->values, to->n, &to->cap, sizeof *to->values);
	to->values[to->n++] = v;
}

static void sum(struct arena *a, struct jout *o, struct str key, yyjson_val **values, size_t n);

static void sum_objects(struct arena *a, struct jout *o, yyjson_val **values, size_t n)
{
	struct groups g = {.a = a};
	size_t i, max;
	yyjson_val *key, *val;
	for (size_t k = 0; k < n; k++) {
		yyjson_obj_foreach(values[k], i, max, key, val) sum_group_add(&g, group_at(&g, json_str(key)), val);
	}
	map_release(&g.by_key);
	jo_obj(o);
	for (size_t k = 0; k < g.n; k++) {
		jo_key(o, g.list[k].key);
		sum(a, o, g.list[k].key, g.list[k].values, g.list[k].n);
	}
	jo_obj_end(o);
}

static void sum_arrays(struct arena *a, struct jout *o, yyjson_val **values, size_t n)
{
	struct groups g = {.a = a};
	size_t i, max;
	yyjson_val *val;
	for (size_t k = 0; k < n; k++) {
		yyjson_arr_foreach(values[k], i, max, val)
		{
			yyjson_val *index = json_get(val, S("index"));
			struct group *to = yyjson_is_int(index) ? group_at(&g, json_text(a, index)) : group_new(&g);
			sum_group_add(&g, to, val);
		}
	}
	map_release(&g.by_key);
	jo_arr(o);
	for (size_t k = 0; k < g.n; k++)
		sum(a, o, S(""), g.list[k].values, g.list[k].n);
	jo_arr_end(o);
}

/* What a string names does not grow. */
static bool sum_names(struct str key)
{
	static const struct str keys[] = {STR("type"), STR("id"), STR("format"), STR("role"), STR("name"), STR("mime_type")};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (str_eq(key, keys[i]))
			return true;
	return false;
}

/* Words may come twice; of a signature what begins with all so far is the whole, said again. */
static bool sum_words(struct str key)
{
	static const struct str keys[] = {STR("text"), STR("summary"), STR("thinking"), STR("content")};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (str_eq(key, keys[i]))
			return true;
	return false;
}

static void sum_strings(struct jout *o, struct str key, yyjson_val **values, size_t n)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	for (size_t i = 0; i < n; i++) {
		struct str s = json_str(values[i]);
		if (s.n && (sum_names(key) || (!sum_words(key) && str_starts(s, buf_str(&b)))))
			buf_clear(&b);
		buf_add(&b, s);
	}
	jo_str(o, b.n ? buf_str(&b) : S(""));
	buf_release(&b);
}

/* Recursion is bounded by json_parse(). Values of another type than the last one's have been given up. */
static void sum(struct arena *a, struct jout *o, struct str key, yyjson_val **values, size_t n)
{
	size_t k = 0;
	yyjson_val *last = NULL;
	for (size_t i = 0; i < n; i++)
		last = yyjson_is_null(values[i]) ? last : values[i];
	for (size_t i = 0; last && i < n; i++)
		if (yyjson_get_type(values[i]) == yyjson_get_type(last))
			values[k++] = values[i];
	if (yyjson_is_obj(last))
		sum_objects(a, o, values, k);
	else if (yyjson_is_arr(last))
		sum_arrays(a, o, values, k);
	else if (yyjson_is_str(last))
		sum_strings(o, key, values, k);
	else if (last)
		jo_val(o, last);
	else
		jo_null(o);
}

void json_sum_of(struct jout *o, yyjson_val **values, size_t n)
{
	struct arena a = {0};
	sum(&a, o, S(""), values, n);
	arena_free(&a);
}

bool json_sum(struct jout *o, struct str pieces)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *list = NULL, *val;
	size_t i, max, n = 0;
	if (!pieces.n)
		return true;
	bool ok = json_parse(&a, str_fmt(&a, "[%.*s]", FMT(pieces)), &list, &e);
	if (ok) {
		yyjson_val **values = new_array(&a, yyjson_val *, yyjson_arr_size(list) + 1);
		yyjson_arr_foreach(list, i, max, val) values[n++] = val;
		sum(&a, o, S(""), values, n);
	}
	arena_free(&a);
	return ok;
}
