/* filter.c - filters over the attributes of files in vector stores. */
#include "index/filter.h"

#include <string.h>

#include "wire/fields.h"

/* --- comparing -------------------------------------------------------------------------------------------- */

enum order { LESS = -1, EQUAL, GREATER, APART }; /* APART: of different types, or without an order */

static enum order order_of(int c)
{
	return c < 0 ? LESS : c > 0 ? GREATER : EQUAL;
}

static enum order strings(struct str a, struct str b)
{
	int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
	return order_of(c ? c : a.n < b.n ? -1 : a.n > b.n);
}

/* Exact where both are integers: a double would make neighbours equal. */
static enum order numbers(yyjson_val *a, yyjson_val *b)
{
	if (yyjson_is_int(a) && yyjson_is_int(b)) {
		bool less_a = yyjson_is_sint(a) && yyjson_get_sint(a) < 0,
		     less_b = yyjson_is_sint(b) && yyjson_get_sint(b) < 0;
		if (less_a != less_b)
			return less_a ? LESS : GREATER;
		if (less_a)
			return order_of((yyjson_get_sint(a) > yyjson_get_sint(b)) -
					(yyjson_get_sint(a) < yyjson_get_sint(b)));
		return order_of((yyjson_get_uint(a) > yyjson_get_uint(b)) - (yyjson_get_uint(a) < yyjson_get_uint(b)));
	}
	double x = yyjson_get_num(a), y = yyjson_get_num(b);
	return order_of((x > y) - (x < y));
}

static enum order compare(yyjson_val *a, yyjson_val *b)
{
	if (yyjson_is_str(a) && yyjson_is_str(b))
		return strings(json_str(a), json_str(b));
	if (yyjson_is_num(a) && yyjson_is_num(b))
		return numbers(a, b);
	if (yyjson_is_bool(a) && yyjson_is_bool(b))
		return yyjson_get_bool(a) == yyjson_get_bool(b) ? EQUAL : APART;
	return APART;
}

static bool among(yyjson_val *list, yyjson_val *v)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(list, i, max, one)
	{
		if (compare(v, one) == EQUAL)
			return true;
	}
	return false;
}

static const struct comparison {
	struct str type;
	bool less, equal, greater, apart; /* does it hold when the file's value is so, seen from the filter's? */
} comparisons[] = {
    {STR("eq"), false, true, false, false}, {STR("ne"), true, false, true, true},
    {STR("gt"), false, false, true, false}, {STR("gte"), false, true, true, false},
    {STR("lt"), true, false, false, false}, {STR("lte"), true, true, false, false},
};

static bool holds(struct str type, yyjson_val *have, yyjson_val *want)
{
	if (str_eq(type, S("in")))
		return have && among(want, have);
	if (str_eq(type, S("nin")))
		return !have || !among(want, have);
	enum order o = have ? compare(have, want) : APART;
	for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
		const struct comparison *c = &comparisons[i];
		if (str_eq(c->type, type))
			return o == LESS ? c->less : o == EQUAL ? c->equal : o == GREATER ? c->greater : c->apart;
	}
	return false;
}

/* --- trees -------------------------------------------------------------------------------------------------- */

bool filter_fits(yyjson_val *filter, yyjson_val *attributes)
{
	struct str type = json_str(json_get(filter, S("type")));
	bool all = str_eq(type, S("and"));
	size_t i, max;
	yyjson_val *one;
	if (!filter || yyjson_is_null(filter))
		return true;
	if (!all && !str_eq(type, S("or")))
		return holds(type, json_get(attributes, json_str(json_get(filter, S("key")))),
			     json_get(filter, S("value")));
	yyjson_arr_foreach(json_get(filter, S("filters")), i, max, one)
	{
		if (filter_fits(one, attributes) != all)
			return !all;
	}
	return all;
}

struct count {
	size_t nodes;
};

static bool bounded(yyjson_val *filter, const char *path, int depth, struct count *n, struct err *e)
{
	char list[128], place[128];
	size_t i, max;
	yyjson_val *one;
	if (depth > FILTER_DEPTH)
		return fail(e, ERR_INVALID_VALUE, path, "Invalid '%s': filters may be nested at most %d deep.", path,
			    FILTER_DEPTH);
	n->nodes += 1 + yyjson_arr_size(json_get(filter, S("value")));
	if (n->nodes > FILTER_NODES)
		return fail(e, ERR_INVALID_VALUE, path, "Invalid '%s': at most %d comparisons and values are allowed.",
			    path, FILTER_NODES);
	field_path(list, path, "filters");
	yyjson_arr_foreach(json_get(filter, S("filters")), i, max, one)
	{
		field_index(place, list, i);
		if (!bounded(one, place, depth + 1, n, e))
			return false;
	}
	return true;
}

bool filter_bounded(yyjson_val *filter, const char *path, struct err *e)
{
	struct count n = {0};
	return !filter || yyjson_is_null(filter) || bounded(filter, path, 1, &n, e);
}
