/* request_tools.c - the request's `tools` and `tool_choice`. */
#include <string.h>

#include "model/request_parts.h"
#include "model/tool.h"
#include "wire/schema.h"

/* --- tools ------------------------------------------------------------------------------------------------- */

/* Decision A4: what is strict must be within the subset; what does not say is strict when it fits. */
static bool take_function(yyjson_val *tool, size_t at, struct function_tool *f, struct err *e)
{
	yyjson_val *strict = json_get(tool, S("strict")), *parameters = json_get(tool, S("parameters"));
	struct err why = {0};
	char path[128], place[128];
	field_index(path, "tools", at);
	field_path(place, path, "parameters");
	f->name = json_str(json_get(tool, S("name")));
	f->description = json_str(json_get(tool, S("description")));
	if (f->description.n == 0) /* live: "" is listed as null */
		f->description = (struct str){0};
	f->parameters = yyjson_is_obj(parameters) ? parameters : NULL;
	if (yyjson_is_true(strict) && !f->parameters)
		return fail(e, ERR_BAD_FUNCTION_SCHEMA, place,
			    "Invalid schema for function '%.*s': schema must be a JSON Schema of 'type: \"object\"', "
			    "got 'type: \"None\"'.",
			    FMT(f->name));
	f->strict = f->parameters && !yyjson_is_false(strict) &&
		    schema_strict(f->parameters, ERR_BAD_FUNCTION_SCHEMA, place, f->name, &why);
	if (yyjson_is_true(strict) && !f->strict)
		return fail(e, why.code, why.param, "%s", why.msg);
	return f->strict || !f->parameters || schema_sane(f->parameters, ERR_BAD_FUNCTION_SCHEMA, place, f->name, e);
}

static void echo_if_given(struct jout *o, yyjson_val *tool, struct str key)
{
	yyjson_val *v = json_get(tool, key);
	if (v && !yyjson_is_null(v)) {
		jo_key(o, key);
		jo_val(o, v);
	}
}

static void echo_function(struct jout *o, yyjson_val *tool, const struct function_tool *f)
{
	jo_obj(o);
	jo_kstr(o, "type", S("function"));
	echo_if_given(o, tool, S("allowed_callers"));
	echo_if_given(o, tool, S("defer_loading"));
	jo_kstr(o, "description", f->description);
	jo_kstr(o, "name", f->name);
	jo_knull(o, "output_schema");
	jo_key(o, S("parameters"));
	if (f->parameters)
		jo_val(o, f->parameters);
	else
		jo_null(o);
	jo_kbool(o, "strict", f->strict);
	jo_obj_end(o);
}

static bool take_tools(struct reader *r, yyjson_val *tools, struct err *e)
{
	struct create *c = r->c;
	struct jout o = {.b = &r->out};
	size_t i, max;
	yyjson_val *tool;
	c->tools = new_array(r->a, struct function_tool, yyjson_arr_size(tools) + 1);
	yyjson_arr_foreach(tools, i, max, tool)
	{
		char path[128];
		field_index(path, "tools", i);
		enum tool_type type = tool_type_of(tool);
		if (tool_rows[type].flags & TOOL_LATER)
			return fail(e, ERR_UNSUPPORTED_VALUE, path,
				    "Unsupported value: '%s'. This version does not serve tools of this type yet; a "
				    "later one brings them.",
				    tool_rows[type].wire);
		if (!take_function(tool, i, &c->tools[c->n_tools], e))
			return false;
		c->n_tools++;
	}
	jo_arr(&o);
	for (i = 0; i < c->n_tools; i++)
		echo_function(&o, yyjson_arr_get(tools, i), &c->tools[i]);
	jo_arr_end(&o);
	c->echo.tools = take(r);
	return true;
}

/* --- tool_choice: shape --------------------------------------------------------------------------------------- */

static const char *const words[] = {"none", "auto", "required", NULL};
static const char *const modes[] = {"auto", "required", NULL};

/* An allowed tool is named like a choice; only `type` is common to all. */
static const struct field allowed_tool_fields[] = {
	FIELD_CHECKED("type", F_STR, .required = true),
	FIELD_CHECKED("name", F_STR),
	FIELD_CHECKED("server_label", F_STR),
	LAST_FIELD,
};
static const struct field allowed_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("mode", F_ENUM, .required = true, .values = modes),
	FIELD_CHECKED("tools", F_ARRAY, .required = true, .sub = allowed_tool_fields),
	LAST_FIELD,
};
static const struct field named_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("name", F_STR, .required = true),
	LAST_FIELD,
};
static const struct field mcp_choice_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("server_label", F_STR, .required = true),
	FIELD_CHECKED("name", F_STR, .nullable = true),
	LAST_FIELD,
};
static const struct field bare_fields[] = {FIELD_CHECKED("type", F_STR), LAST_FIELD};

bool tool_choice_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field word = {.kind = F_ENUM, .values = words};
	struct variant table[TOOL_COUNT + 6] = {
		{"allowed_tools", allowed_fields, NULL},
		{"function", named_fields, NULL},
		{"custom", named_fields, NULL},
		{"mcp", mcp_choice_fields, NULL},
		{"computer_use", bare_fields, NULL},
	};
	size_t n = 5;
	if (yyjson_is_str(v))
		return field_value(&word, v, path, ctx, e);
	if (!yyjson_is_obj(v))
		return field_type(v, path, "one of an object or string", e);
	for (enum tool_type t = TOOL_NONE + 1; t < TOOL_COUNT; t++)
		if (tool_rows[t].flags & TOOL_CHOSEN)
			table[n++] = (struct variant){tool_rows[t].wire, bare_fields, NULL};
	return variant_read(table, v, path, ctx, e);
}

/* --- tool_choice: meaning --------------------------------------------------------------------------------------- */

static bool offered(const struct create *c, yyjson_val *choice)
{
	if (!str_eq(json_str(json_get(choice, S("type"))), S("function")))
		return false;
	for (size_t i = 0; i < c->n_tools; i++)
		if (str_eq(c->tools[i].name, json_str(json_get(choice, S("name")))))
			return true;
	return false;
}

/* The live text quotes the type, for a function too. */
static bool not_offered(yyjson_val *choice, struct err *e)
{
	return fail(e, ERR_BAD_REQUEST, "tool_choice", "Tool choice '%.*s' not found in 'tools' parameter.",
		    FMT(json_str(json_get(choice, S("type")))));
}

static bool take_allowed(struct reader *r, yyjson_val *choice, struct err *e)
{
	struct create *c = r->c;
	yyjson_val *tools = json_get(choice, S("tools")), *one;
	size_t i, max;
	c->choice = str_eq(json_str(json_get(choice, S("mode"))), S("required")) ? CHOICE_REQUIRED : CHOICE_AUTO;
	c->allowed = new_array(r->a, struct str, yyjson_arr_size(tools) + 1);
	yyjson_arr_foreach(tools, i, max, one)
	{
		if (!offered(c, one))
			return not_offered(one, e);
		c->allowed[c->n_allowed++] = json_str(json_get(one, S("name")));
	}
	return true;
}

/* The object as it came, its type first. */
static void echo_choice(struct reader *r, yyjson_val *choice)
{
	struct jout o = {.b = &r->out};
	size_t i, max;
	yyjson_val *key, *val;
	jo_obj(&o);
	jo_kstr(&o, "type", json_str(json_get(choice, S("type"))));
	yyjson_obj_foreach(choice, i, max, key, val)
		if (!str_eq(json_str(key), S("type"))) {
			jo_key(&o, json_str(key));
			jo_val(&o, val);
		}
	jo_obj_end(&o);
	r->c->echo.tool_choice = take(r);
}

static bool take_choice(struct reader *r, yyjson_val *choice, struct err *e)
{
	struct create *c = r->c;
	struct str word = json_str(choice);
	if (!choice || yyjson_is_null(choice) || str_eq(word, S("auto"))) {
		c->echo.tool_choice = S("\"auto\"");
		return true;
	}
	if (str_eq(word, S("none"))) {
		c->choice = CHOICE_NONE;
		c->echo.tool_choice = S("\"none\"");
		return true;
	}
	if (word.p) {
		if (c->n_tools == 0)
			return fail(e, ERR_BAD_REQUEST, "tool_choice",
				    "Tool choice 'required' must be specified with 'tools' parameter.");
		c->choice = CHOICE_REQUIRED;
		c->echo.tool_choice = S("\"required\"");
		return true;
	}
	if (str_eq(json_str(json_get(choice, S("type"))), S("allowed_tools"))) {
		if (!take_allowed(r, choice, e))
			return false;
	} else if (offered(c, choice)) {
		c->choice = CHOICE_NAMED;
		c->choice_name = json_str(json_get(choice, S("name")));
	} else {
		return not_offered(choice, e);
	}
	echo_choice(r, choice);
	return true;
}

bool tools_take(struct reader *r, struct err *e)
{
	yyjson_val *tools = json_get(r->body, S("tools"));
	if (yyjson_arr_size(tools) == 0)
		r->c->echo.tools = S("[]");
	else if (!take_tools(r, tools, e))
		return false;
	return take_choice(r, json_get(r->body, S("tool_choice")), e);
}
