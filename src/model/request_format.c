/* request_format.c - the request's `text`: format and verbosity. */
#include "model/request_format.h"

#include "model/request_parts.h"
#include "wire/schema.h"

static const struct field type_fields[] = {FIELD_CHECKED("type", F_STR), LAST_FIELD};
static const struct field schema_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = 64, .pattern = "^[a-zA-Z0-9_-]+$"),
	FIELD_CHECKED("schema", F_OBJECT, .required = true),
	FIELD_CHECKED("description", F_STR, .nullable = true),
	FIELD_CHECKED("strict", F_BOOL, .nullable = true),
	LAST_FIELD,
};
static const struct variant formats[] = {
	{"text", type_fields, NULL},
	{"json_object", type_fields, NULL},
	{"json_schema", schema_fields, NULL},
	{0},
};

bool format_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(formats, v, path, ctx, e);
}

static bool take_schema(yyjson_val *v, struct format *f, struct err *e)
{
	f->kind = FORMAT_JSON_SCHEMA;
	f->name = json_str(json_get(v, S("name")));
	f->description = json_str(json_get(v, S("description")));
	f->schema = json_get(v, S("schema"));
	/* Live: what does not say is strict when its schema is within the subset. */
	struct err loose = {0};
	yyjson_val *strict = json_get(v, S("strict"));
	f->strict = yyjson_is_bool(strict) ? yyjson_get_bool(strict)
					   : schema_strict(f->schema, ERR_BAD_SCHEMA, "text.format.schema", f->name, &loose);
	return f->strict ? schema_strict(f->schema, ERR_BAD_SCHEMA, "text.format.schema", f->name, e)
			 : schema_sane(f->schema, ERR_BAD_SCHEMA, "text.format.schema", f->name, e);
}

/* One update; what it says of nothing stays. */
static bool update_take(struct arena *a, struct create *c, const struct item *it, const char *path, struct err *e)
{
	yyjson_val *reasoning = json_get(it->val, S("reasoning")), *format = json_get(json_get(it->val, S("text")), S("format"));
	struct str effort = json_str(json_get(reasoning, S("effort"))), where = str_fmt(a, "%s.text.format", path);
	struct format f = {0};
	if (!yyjson_is_obj(reasoning) && !format)
		return fail(e, ERR_MISSING_PARAMETER, path, "Invalid '%s': a configuration_update has 'reasoning', 'text', or both.", path);
	if (effort.p)
		c->sampling.effort = effort;
	if (!format)
		return true;
	if (!format_check(format, where.p, NULL, e))
		return false;
	struct str type = json_str(json_get(format, S("type")));
	if (str_eq(type, S("json_object")))
		return fail(e, ERR_INVALID_VALUE, where.p, "Invalid '%.*s': a configuration_update takes 'text' and 'json_schema'.", FMT(where));
	if (str_eq(type, S("json_schema")) && !take_schema(format, &f, e))
		return false;
	c->format = f;
	return true;
}

bool create_update(struct arena *a, struct create *c, const struct item *items, size_t n, const char *path, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (items[i].type != ITEM_CONFIGURATION_UPDATE)
			continue;
		if (!update_take(a, c, &items[i], str_fmt(a, "%s[%zu]", path, i).p, e))
			return false;
	}
	return true;
}

static void echo_format(struct jout *o, const struct format *f)
{
	static const struct str types[] = {
		[FORMAT_TEXT] = STR("text"),
		[FORMAT_JSON_OBJECT] = STR("json_object"),
		[FORMAT_JSON_SCHEMA] = STR("json_schema"),
	};
	jo_obj(o);
	jo_kstr(o, "type", types[f->kind]);
	if (f->kind == FORMAT_JSON_SCHEMA) {
		jo_kstr(o, "description", f->description);
		jo_kstr(o, "name", f->name);
		jo_key(o, S("schema"));
		jo_val(o, f->schema);
		jo_kbool(o, "strict", f->strict);
	}
	jo_obj_end(o);
}

bool text_take(struct reader *r, struct err *e)
{
	struct format *f = &r->c->format;
	yyjson_val *text = json_get(r->body, S("text")), *format = json_get(text, S("format"));
	struct str type = json_str(json_get(format, S("type"))), verbosity = json_str(json_get(text, S("verbosity")));
	struct jout o = {.b = &r->out};
	if (str_eq(type, S("json_object")))
		f->kind = FORMAT_JSON_OBJECT;
	else if (str_eq(type, S("json_schema")) && !take_schema(format, f, e))
		return false;
	jo_obj(&o);
	jo_key(&o, S("format"));
	echo_format(&o, f);
	jo_kstr(&o, "verbosity", verbosity.p ? verbosity : S("medium"));
	jo_obj_end(&o);
	r->c->echo.text = take(r);
	return true;
}
