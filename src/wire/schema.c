/* schema.c - is a schema one that structured outputs know?
 *
 * The texts are the live API's, which are partly those of a validator written in Python: contexts are tuples,
 * values are quoted as Python writes them. The rules are in the guide "Structured outputs", section
 * "Supported schemas". */
#include "wire/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "wire/schema_ref.h"

enum { NESTING = 10, PROPERTIES = 5000, ENUM_VALUES = 1000, REF_STEPS = 1000000, TEXT = 400 };

/* Where in the schema: ('properties', 'a', 'items'). */
struct spot {
	const struct spot *up;
	struct str key;
};

struct check {
	yyjson_val *root;
	bool strict;
	enum err_code code;
	const char *param;
	char subject[160]; /* "function 'f'" */
	size_t properties, enum_values, ref_steps;
	unsigned nesting;
	struct err *e;
};

enum shape { ANY, STRING, STRINGS, NUMBER, ARRAY, OBJECT, SCHEMA, SCHEMAS, NAMED_SCHEMAS, TYPE };

struct keyword {
	const char *name;
	enum shape shape;
	bool strict; /* permitted in the strict subset */
};

static const struct keyword keywords[] = {
    {"$ref", STRING, true},
    {"$defs", NAMED_SCHEMAS, true},
    {"definitions", NAMED_SCHEMAS, true},
    {"$schema", STRING, true},
    {"$id", STRING, true},
    {"$comment", STRING, true},
    {"title", STRING, true},
    {"description", STRING, true},
    {"type", TYPE, true},
    {"enum", ARRAY, true},
    {"const", ANY, true},
    {"default", ANY, true}, /* the live API once refused it; now it echoes it */
    {"anyOf", SCHEMAS, true},
    {"properties", NAMED_SCHEMAS, true},
    {"required", STRINGS, true},
    {"additionalProperties", SCHEMA, true},
    {"items", SCHEMA, true},
    {"minItems", NUMBER, true},
    {"maxItems", NUMBER, true},
    {"minLength", NUMBER, true},
    {"maxLength", NUMBER, true},
    {"pattern", STRING, true},
    {"format", STRING, true},
    {"minimum", NUMBER, true},
    {"maximum", NUMBER, true},
    {"exclusiveMinimum", ANY, true}, /* a boolean in old drafts */
    {"exclusiveMaximum", ANY, true},
    {"multipleOf", NUMBER, true},
    {"allOf", SCHEMAS, false},
    {"oneOf", SCHEMAS, false},
    {"not", SCHEMA, false},
    {"prefixItems", SCHEMAS, false},
    {"patternProperties", NAMED_SCHEMAS, false},
    {"minProperties", NUMBER, false},
    {"maxProperties", NUMBER, false},
};

static const char *const types[] = {"string", "number", "boolean", "integer", "object", "array", "null", NULL};
static const char *const formats[] = {"date-time", "time", "date", "duration", "email",
				      "hostname",  "ipv4", "ipv6", "uuid",     NULL};

/* --- texts --------------------------------------------------------------------------------------------- */

static bool schema_listed(const char *const *list, struct str s)
{
	for (; *list; list++)
		if (str_eq(str_of(*list), s))
			return true;
	return false;
}

static void schema_put_spots(struct buf *b, const struct spot *at)
{
	if (!at->up)
		return;
	schema_put_spots(b, at->up);
	buf_fmt(b, "%s'%.*s'", at->up->up ? ", " : "", FMT(at->key));
}

/* Fails with "In context=(...), <rest>"; a context too long for an error is cut in front of its end. */
static bool schema_refuse(struct check *c, const struct spot *at, const char *rest)
{
	struct buf b;
	char text[TEXT];
	buf_init(&b, 64 * 1024);
	schema_put_spots(&b, at);
	struct str path = buf_str(&b);
	snprintf(text, sizeof text, "%.*s%s%s", FMT(path), at->up && !at->up->up ? "," : "",
		 path.n >= sizeof text ? "..." : "");
	buf_release(&b);
	return fail(c->e, c->code, c->param, "Invalid schema for %s: In context=(%s), %s", c->subject, text, rest);
}

/* A value as Python would print it, cut to TEXT bytes. */
static void quote(char out[TEXT], yyjson_val *v)
{
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, TEXT);
	if (yyjson_is_null(v))
		buf_add(&b, S("None"));
	else if (yyjson_is_bool(v))
		buf_add(&b, yyjson_get_bool(v) ? S("True") : S("False"));
	else if (yyjson_is_str(v))
		buf_fmt(&b, "'%.*s'", (int)(yyjson_get_len(v) < 100 ? yyjson_get_len(v) : 100), yyjson_get_str(v));
	else
		jo_val(&o, v);
	snprintf(out, TEXT, "%.*s", FMT(buf_str(&b)));
	buf_release(&b);
}

static bool not_of_type(struct check *c, yyjson_val *v, const char *wanted)
{
	char text[TEXT];
	quote(text, v);
	return fail(c->e, c->code, c->param, "Invalid schema for %s: %s is not of type %s.", c->subject, text, wanted);
}

/* --- shapes of keywords -------------------------------------------------------------------------------- */

static bool check_type(struct check *c, yyjson_val *v)
{
	char text[TEXT];
	size_t i, max;
	yyjson_val *one;
	bool ok = yyjson_is_arr(v) && yyjson_arr_size(v) > 0;
	if (ok)
		yyjson_arr_foreach(v, i, max, one) ok = ok && schema_listed(types, json_str(one));
	if (ok || schema_listed(types, json_str(v)))
		return true;
	quote(text, v);
	return fail(c->e, c->code, c->param, "Invalid schema for %s: %s is not valid under any of the given schemas.",
		    c->subject, text);
}

static bool check_strings(struct check *c, yyjson_val *v)
{
	size_t i, max;
	yyjson_val *one;
	if (!yyjson_is_arr(v))
		return not_of_type(c, v, "'array'");
	yyjson_arr_foreach(v, i, max, one) if (!yyjson_is_str(one)) return not_of_type(c, one, "'string'");
	return true;
}

static bool check_node(struct check *c, yyjson_val *v, const struct spot *at);

static bool check_list(struct check *c, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *one;
	char index[24];
	if (!yyjson_is_arr(v))
		return not_of_type(c, v, "'array'");
	if (yyjson_arr_size(v) == 0)
		return fail(c->e, c->code, c->param, "Invalid schema for %s: [] should be non-empty.", c->subject);
	yyjson_arr_foreach(v, i, max, one)
	{
		snprintf(index, sizeof index, "%zu", i);
		if (!check_node(c, one, &(struct spot){at, str_of(index)}))
			return false;
	}
	return true;
}

static bool check_named(struct check *c, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *key, *val;
	if (!yyjson_is_obj(v))
		return not_of_type(c, v, "'object'");
	yyjson_obj_foreach(v, i, max, key,
			   val) if (!check_node(c, val, &(struct spot){at, json_str(key)})) return false;
	return true;
}

static bool check_shape(struct check *c, enum shape shape, yyjson_val *v, const struct spot *at)
{
	switch (shape) {
	case STRING:
		return yyjson_is_str(v) || not_of_type(c, v, "'string'");
	case STRINGS:
		return check_strings(c, v);
	case NUMBER:
		return yyjson_is_num(v) || not_of_type(c, v, "'number'");
	case ARRAY:
		return yyjson_is_arr(v) || not_of_type(c, v, "'array'");
	case OBJECT:
		return yyjson_is_obj(v) || not_of_type(c, v, "'object'");
	case TYPE:
		return check_type(c, v);
	case SCHEMA:
		return check_node(c, v, at);
	case SCHEMAS:
		return check_list(c, v, at);
	case NAMED_SCHEMAS:
		return check_named(c, v, at);
	case ANY:
		return true;
	}
	return true;
}

static const struct keyword *keyword_find(struct str name)
{
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (str_eq(str_of(keywords[i].name), name))
			return &keywords[i];
	return NULL;
}

/* --- the strict subset --------------------------------------------------------------------------------- */

static bool has_type(yyjson_val *schema, const char *name)
{
	size_t i, max;
	yyjson_val *type = json_get(schema, S("type")), *one;
	if (yyjson_is_str(type))
		return str_eq(json_str(type), str_of(name));
	yyjson_arr_foreach(type, i, max, one) if (str_eq(json_str(one), str_of(name))) return true;
	return false;
}

static bool refuse_named(struct check *c, const struct spot *at, const char *before, struct str name, const char *after)
{
	char text[2 * TEXT];
	snprintf(text, sizeof text, "%s'%.*s'%s", before, (int)(name.n < 100 ? name.n : 100), name.p, after);
	return schema_refuse(c, at, text);
}

/* `required` names all properties and nothing else. Maps, because both may be long. */
static bool check_required(struct check *c, yyjson_val *properties, yyjson_val *required, const struct spot *at)
{
	static const char every[] = "'required' is required to be supplied and to be an array including every key in "
				    "properties.";
	char text[TEXT];
	size_t i, max;
	yyjson_val *key, *val;
	struct map wanted = {0}, given = {0};
	bool ok = true;
	yyjson_arr_foreach(required, i, max, val) map_put(&wanted, json_str(val), val);
	snprintf(text, sizeof text, "%s Missing ", every);
	yyjson_obj_foreach(properties, i, max, key, val)
	{
		map_put(&given, json_str(key), val);
		ok = ok && (map_get(&wanted, json_str(key)) || refuse_named(c, at, text, json_str(key), "."));
	}
	snprintf(text, sizeof text, "%s Extra required key ", every);
	yyjson_arr_foreach(required, i, max, val) ok =
	    ok && (map_get(&given, json_str(val)) || refuse_named(c, at, text, json_str(val), " supplied."));
	map_release(&wanted);
	map_release(&given);
	return ok;
}

static bool check_object(struct check *c, yyjson_val *v, const struct spot *at)
{
	yyjson_val *properties = json_get(v, S("properties"));
	if (!yyjson_is_false(json_get(v, S("additionalProperties"))))
		return schema_refuse(c, at, "'additionalProperties' is required to be supplied and to be false.");
	c->properties += yyjson_obj_size(properties);
	if (c->properties > PROPERTIES)
		return fail(
		    c->e, c->code, c->param,
		    "Invalid schema for %s: Expected at most %d object properties in total within a schema when using "
		    "structured outputs.",
		    c->subject, PROPERTIES);
	return check_required(c, properties, json_get(v, S("required")), at);
}

/* Beside $ref nothing may stand; the target must exist and be more than another reference to itself. */
static bool check_ref(struct check *c, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *key, *val, *ref = json_get(v, S("$ref"));
	yyjson_obj_foreach(
	    v, i, max, key,
	    val) if (c->strict && !str_eq(json_str(key), S("$ref")) && !str_eq(json_str(key), S("$defs")) &&
		     !str_eq(json_str(key), S("definitions"))) return refuse_named(c, at, "$ref cannot have keywords {",
										   json_str(key), "}.");
	if (!c->strict || schema_ref(c->root, ref, &c->ref_steps))
		return true;
	if (!c->ref_steps)
		return fail(c->e, c->code, c->param, "Invalid schema for %s: too many references to look up.", c->subject);
	return refuse_named(c, at, "reference to component ", json_str(ref), " which was not found in the schema.");
}

static bool check_values(struct check *c, yyjson_val *v, const struct spot *at)
{
	yyjson_val *values = json_get(v, S("enum")), *format = json_get(v, S("format"));
	if (values && yyjson_arr_size(values) == 0)
		return fail(c->e, c->code, c->param, "Invalid schema for %s: [] should be non-empty.", c->subject);
	c->enum_values += yyjson_arr_size(values);
	if (c->enum_values > ENUM_VALUES)
		return fail(
		    c->e, c->code, c->param,
		    "Invalid schema for %s: Expected at most %d enum values in total within a schema when using "
		    "structured outputs.",
		    c->subject, ENUM_VALUES);
	if (format && !schema_listed(formats, json_str(format)))
		return refuse_named(c, at, "", json_str(format), " is not a valid format.");
	return true;
}

static bool check_strict(struct check *c, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *key, *val;
	if (json_get(v, S("$ref")))
		return true;
	yyjson_obj_foreach(v, i, max, key, val)
	{
		const struct keyword *k = keyword_find(json_str(key));
		if (!k || !k->strict)
			return refuse_named(c, at, "", json_str(key), " is not permitted.");
	}
	if (!json_get(v, S("type")) && !json_get(v, S("anyOf")))
		return schema_refuse(c, at, "schema must have a 'type' key.");
	if (has_type(v, "array") && !json_get(v, S("items")))
		return schema_refuse(c, at, "array schema missing items.");
	if ((has_type(v, "object") || json_get(v, S("properties"))) && !check_object(c, v, at))
		return false;
	return check_values(c, v, at);
}

/* Shapes of this node's keywords that hold no schemas come first, then the strict rules, then what is inside. */
static bool check_node(struct check *c, yyjson_val *v, const struct spot *at)
{
	size_t i, max;
	yyjson_val *key, *val;
	if (yyjson_is_bool(v) && (!c->strict || str_eq(at->key, S("additionalProperties"))))
		return true;
	if (yyjson_is_bool(v))
		return schema_refuse(c, at, "schema must have a 'type' key.");
	if (!yyjson_is_obj(v))
		return not_of_type(c, v, "'object', 'boolean'");
	for (int inner = 0; inner < 2; inner++) {
		if (inner && json_get(v, S("$ref")) && !check_ref(c, v, at))
			return false;
		if (inner && c->strict && !check_strict(c, v, at))
			return false;
		bool level = inner && has_type(v, "object");
		c->nesting += level;
		if (c->strict && c->nesting > NESTING)
			return fail(c->e, c->code, c->param,
				    "Invalid schema for %s: %u levels of nesting exceeds limit of %d.", c->subject,
				    c->nesting, NESTING);
		yyjson_obj_foreach(v, i, max, key, val)
		{
			const struct keyword *k = keyword_find(json_str(key));
			if (k && (k->shape >= SCHEMA && k->shape <= NAMED_SCHEMAS) == inner &&
			    !check_shape(c, k->shape, val, &(struct spot){at, json_str(key)}))
				return false;
		}
		c->nesting -= level;
	}
	return true;
}

static bool check_root(struct check *c, yyjson_val *schema)
{
	static const char *const not_here[] = {"anyOf", "oneOf", "allOf", "enum", "not", NULL};
	char got[TEXT];
	yyjson_val *type = json_get(schema, S("type"));
	if (!yyjson_is_obj(schema))
		return not_of_type(c, schema, "'object', 'boolean'");
	if (!str_eq(json_str(type), S("object"))) {
		snprintf(got, sizeof got, "\"%.*s\"", yyjson_is_str(type) ? (int)yyjson_get_len(type) : 4,
			 yyjson_is_str(type) ? yyjson_get_str(type) : "None");
		return fail(
		    c->e, c->code, c->param,
		    "Invalid schema for %s: schema must be a JSON Schema of 'type: \"object\"', got 'type: %s'.",
		    c->subject, got);
	}
	for (const char *const *k = not_here; *k; k++)
		if (json_get(schema, str_of(*k)))
			return fail(c->e, c->code, c->param,
				    "Invalid schema for %s: schema must have type 'object' and not have "
				    "'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.",
				    c->subject);
	return true;
}

static struct check check_of(yyjson_val *schema, bool strict, enum err_code code, const char *param, struct str name,
			     struct err *e)
{
	struct check c = {.root = schema, .strict = strict, .code = code, .param = param, .ref_steps = REF_STEPS, .e = e};
	snprintf(c.subject, sizeof c.subject, "%s '%.*s'",
		 code == ERR_BAD_FUNCTION_SCHEMA ? "function" : "response_format", FMT(name));
	return c;
}

bool schema_strict(yyjson_val *schema, enum err_code code, const char *param, struct str name, struct err *e)
{
	struct check c = check_of(schema, true, code, param, name, e);
	return check_root(&c, schema) && check_node(&c, schema, &(struct spot){NULL, {0}});
}

bool schema_sane(yyjson_val *schema, enum err_code code, const char *param, struct str name, struct err *e)
{
	struct check c = check_of(schema, false, code, param, name, e);
	return check_node(&c, schema, &(struct spot){NULL, {0}});
}

yyjson_val *schema_parameters(struct arena *a, yyjson_val *given)
{
	struct err none = {0};
	yyjson_val *v = given;
	if (!yyjson_obj_size(given))
		json_parse(a, S("{\"type\":\"object\",\"properties\":{}}"), &v, &none);
	return v;
}
