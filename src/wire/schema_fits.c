/* schema_fits.c - does a value fit a schema?
 *
 * Every look at a node takes a step, every character and class of a pattern too; when the steps are used up, or
 * references go round in circles, what has not been checked is let pass: the check must end, and a model's
 * answer is not refused for our impatience. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "wire/fields.h"
#include "wire/format.h"
#include "wire/pattern.h"
#include "wire/schema.h"
#include "wire/schema_ref.h"

enum { STEPS = 1000000, PATTERN_STEPS = 5000000, DEPTH = 600, TEXT = 300, LOOKED_AT = 16 /* members for a step */ };

/* Where in the value: a member's name, or an index when name.p is NULL. */
struct spot {
	const struct spot *up;
	struct str name;
	size_t index;
};

struct fit {
	yyjson_val *root;
	size_t steps, pattern_steps;
	unsigned depth;
	unsigned quiet; /* alternatives are being tried: nothing is reported */
	struct err *e;
};

static bool fits(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at);

/* Takes steps; false when they are used up. */
static bool schema_fits_spend(struct fit *f, size_t steps)
{
	f->steps -= steps < f->steps ? steps : f->steps;
	return f->steps > 0;
}

static void schema_fits_put_spots(struct buf *b, const struct spot *at)
{
	if (!at->up) {
		buf_byte(b, '$');
		return;
	}
	schema_fits_put_spots(b, at->up);
	if (at->name.p)
		buf_fmt(b, ".%.*s", FMT(at->name));
	else
		buf_fmt(b, "[%zu]", at->index);
}

static bool misfit(struct fit *f, const struct spot *at, const char *says)
{
	struct buf b;
	if (f->quiet)
		return false;
	buf_init(&b, 64 * 1024);
	schema_fits_put_spots(&b, at);
	struct str path = buf_str(&b);
	fail(f->e, ERR_INTERNAL, NULL, "%.*s%s: %s", (int)(path.n < TEXT ? path.n : TEXT), path.p,
	     path.n < TEXT ? "" : "...", says);
	buf_release(&b);
	return false;
}

/* --- single values ------------------------------------------------------------------------------------- */

static bool is_whole(yyjson_val *v)
{
	return yyjson_is_num(v) && yyjson_get_num(v) == floor(yyjson_get_num(v));
}

static bool of_type(struct str type, yyjson_val *v)
{
	return (str_eq(type, S("object")) && yyjson_is_obj(v)) || (str_eq(type, S("array")) && yyjson_is_arr(v)) ||
	       (str_eq(type, S("string")) && yyjson_is_str(v)) || (str_eq(type, S("number")) && yyjson_is_num(v)) ||
	       (str_eq(type, S("integer")) && is_whole(v)) || (str_eq(type, S("boolean")) && yyjson_is_bool(v)) ||
	       (str_eq(type, S("null")) && yyjson_is_null(v));
}

static bool fits_type(struct fit *f, yyjson_val *type, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *one;
	char text[TEXT];
	if (yyjson_is_arr(type)) {
		yyjson_arr_foreach(type, i, max, one) if (of_type(json_str(one), v)) return true;
		snprintf(text, sizeof text, "%s is none of the types allowed", json_kind_name(v));
	} else {
		if (of_type(json_str(type), v))
			return true;
		struct str name = json_str(type);
		bool an = name.n && strchr("aeio", name.p[0]);
		if (str_eq(name, S("null")))
			snprintf(text, sizeof text, "expected null, got %s", json_kind_name(v));
		else
			snprintf(text, sizeof text, "expected %s %.*s, got %s", an ? "an" : "a",
				 (int)(name.n < 20 ? name.n : 20), name.p, json_kind_name(v));
	}
	return misfit(f, at, text);
}

static bool fits_values(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *one, *only = json_get(schema, S("const")), *values = json_get(schema, S("enum"));
	if (only && !json_same(only, v))
		return misfit(f, at, "is not the one value allowed");
	if (!yyjson_is_arr(values))
		return true;
	yyjson_arr_foreach(values, i, max, one) if (json_same(one, v) || !schema_fits_spend(f, 1)) return true;
	return misfit(f, at, "is none of the values allowed");
}

static bool limit(yyjson_val *schema, struct str name, double *ret)
{
	yyjson_val *v = json_get(schema, name);
	*ret = yyjson_get_num(v);
	return yyjson_is_num(v);
}

static bool fits_number(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at)
{
	double n = yyjson_get_num(v), x;
	if (limit(schema, S("minimum"), &x) && n < x)
		return misfit(f, at, "is below the minimum");
	if (limit(schema, S("maximum"), &x) && n > x)
		return misfit(f, at, "is above the maximum");
	if (limit(schema, S("exclusiveMinimum"), &x) && n <= x)
		return misfit(f, at, "is not above the exclusive minimum");
	if (limit(schema, S("exclusiveMaximum"), &x) && n >= x)
		return misfit(f, at, "is not below the exclusive maximum");
	if (limit(schema, S("multipleOf"), &x) && x > 0) {
		double times = n / x; /* 0.3 is a multiple of 0.1, whatever binary says */
		if (fabs(times - round(times)) > 1e-9 * fmax(1, fabs(times)))
			return misfit(f, at, "is no multiple of multipleOf");
	}
	return true;
}

static bool fits_string(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at)
{
	struct str s = json_str(v);
	yyjson_val *pattern = json_get(schema, S("pattern")), *format = json_get(schema, S("format"));
	double x;
	if (limit(schema, S("minLength"), &x) && (double)str_chars(s) < x)
		return misfit(f, at, "is too short");
	if (limit(schema, S("maxLength"), &x) && (double)str_chars(s) > x)
		return misfit(f, at, "is too long");
	if (yyjson_is_str(pattern) && pattern_find(json_str(pattern), s, &f->pattern_steps) == PATTERN_NO)
		return misfit(f, at, "does not match the pattern");
	if (yyjson_is_str(format) && !string_fits_format(json_str(format), s))
		return misfit(f, at, "does not have the format asked for");
	return true;
}

/* --- arrays and objects -------------------------------------------------------------------------------- */

static bool schema_fits_counted(struct fit *f, yyjson_val *schema, struct str least, struct str most, size_t n,
				const struct spot *at)
{
	double x;
	if (limit(schema, least, &x) && (double)n < x)
		return misfit(f, at, "has too few");
	if (limit(schema, most, &x) && (double)n > x)
		return misfit(f, at, "has too many");
	return true;
}

static bool fits_array(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *one, *first = json_get(schema, S("prefixItems")), *items = json_get(schema, S("items"));
	yyjson_arr_iter heads = yyjson_arr_iter_with(first);
	if (!schema_fits_counted(f, schema, S("minItems"), S("maxItems"), yyjson_arr_size(v), at))
		return false;
	yyjson_arr_foreach(v, i, max, one)
	{
		yyjson_val *head = yyjson_arr_iter_next(&heads), *rule = head ? head : items;
		if (rule && !fits(f, rule, one, &(struct spot){at, {0}, i}))
			return false;
	}
	return true;
}

/* Members that `properties` doesn't name. */
static bool fits_extra(struct fit *f, yyjson_val *schema, struct str name, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *key, *rule, *others = json_get(schema, S("additionalProperties"));
	bool matched = false;
	yyjson_obj_foreach(json_get(schema, S("patternProperties")), i, max, key,
			   rule) if (pattern_find(json_str(key), name, &f->pattern_steps) != PATTERN_NO)
	{
		matched = true;
		if (!fits(f, rule, v, at))
			return false;
	}
	if (matched || !others)
		return true;
	if (yyjson_is_false(others))
		return misfit(f, at, "is not one of the properties");
	return fits(f, others, v, at);
}

static bool fits_object(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *key, *val, *properties = json_get(schema, S("properties"));
	char text[TEXT];
	if (!schema_fits_counted(f, schema, S("minProperties"), S("maxProperties"), yyjson_obj_size(v), at))
		return false;
	yyjson_arr_foreach(json_get(schema, S("required")), i, max, key)
	{
		if (!schema_fits_spend(f, 1 + yyjson_obj_size(v) / LOOKED_AT))
			return true;
		if (json_get(v, json_str(key)))
			continue;
		struct str name = json_str(key);
		snprintf(text, sizeof text, "'%.*s' is missing", (int)(name.n < 100 ? name.n : 100), name.p);
		return misfit(f, at, text);
	}
	yyjson_obj_foreach(v, i, max, key, val)
	{
		struct spot here = {at, json_str(key), 0};
		if (!schema_fits_spend(f, 1 + yyjson_obj_size(properties) / LOOKED_AT))
			return true;
		yyjson_val *rule = json_get(properties, json_str(key));
		if (rule ? !fits(f, rule, val, &here) : !fits_extra(f, schema, json_str(key), val, &here))
			return false;
	}
	return true;
}

/* --- combinations -------------------------------------------------------------------------------------- */

/* How many of `list` fit, looking no further than `enough`. */
static size_t fitting(struct fit *f, yyjson_val *list, yyjson_val *v, const struct spot *at, size_t enough)
{
	size_t i, max, n = 0;
	yyjson_val *one;
	f->quiet++;
	yyjson_arr_foreach(list, i, max, one)
	{
		n += fits(f, one, v, at);
		if (n == enough)
			break;
	}
	f->quiet--;
	return n;
}

static bool fits_combined(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *one, *any = json_get(schema, S("anyOf")), *just = json_get(schema, S("oneOf"));
	yyjson_val *other = json_get(schema, S("not"));
	if (any && fitting(f, any, v, at, 1) == 0)
		return misfit(f, at, "fits none of the alternatives");
	if (just && fitting(f, just, v, at, 2) != 1 && f->steps)
		return misfit(f, at, "does not fit exactly one of the alternatives");
	yyjson_arr_foreach(json_get(schema, S("allOf")), i, max, one) if (!fits(f, one, v, at)) return false;
	if (!other)
		return true;
	f->quiet++;
	bool hit = fits(f, other, v, at);
	f->quiet--;
	return !hit || !f->steps || misfit(f, at, "fits what it must not");
}

static bool fits_node(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at)
{
	yyjson_val *type = json_get(schema, S("type")), *ref = json_get(schema, S("$ref"));
	if (ref) {
		yyjson_val *target = schema_ref(f->root, ref, &f->steps);
		if (target && !fits(f, target, v, at))
			return false;
	}
	if ((type && !fits_type(f, type, v, at)) || !fits_values(f, schema, v, at) || !fits_combined(f, schema, v, at))
		return false;
	switch (yyjson_get_type(v)) {
	case YYJSON_TYPE_NUM:
		return fits_number(f, schema, v, at);
	case YYJSON_TYPE_STR:
		return fits_string(f, schema, v, at);
	case YYJSON_TYPE_ARR:
		return fits_array(f, schema, v, at);
	case YYJSON_TYPE_OBJ:
		return fits_object(f, schema, v, at);
	default:
		return true;
	}
}

static bool fits(struct fit *f, yyjson_val *schema, yyjson_val *v, const struct spot *at)
{
	if (yyjson_is_bool(schema))
		return yyjson_is_true(schema) || misfit(f, at, "must not be there");
	if (f->depth == DEPTH)
		f->steps = 0;
	if (!schema_fits_spend(f, 1))
		return true;
	f->depth++;
	bool ok = fits_node(f, schema, v, at);
	f->depth--;
	return ok;
}

bool schema_fits(yyjson_val *schema, yyjson_val *value, struct err *e)
{
	struct err mine = {0};
	struct fit f = {.root = schema, .steps = STEPS, .pattern_steps = PATTERN_STEPS, .e = &mine};
	if (fits(&f, schema, value, &(struct spot){NULL, {0}, 0}))
		return true;
	return fail(e, mine.code, NULL, "%s", mine.msg);
}
