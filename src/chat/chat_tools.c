/* chat_tools.c - a chat completions request's `tools` and `tool_choice`. */
#include "chat/chat_tools.h"

#include <string.h>

#include "chat/chat_reader.h"
#include "engine/prompt_tidy.h"
#include "model/call_kinds.h"
#include "wire/schema.h"

enum { NAME_CHARS = 64 };

/* --- shapes -------------------------------------------------------------------------------------------- */

static const char *const tool_types[] = {"function", "custom", NULL};
static const char *const choice_types[] = {"function", "allowed_tools", "custom", NULL};
static const char *const words[] = {"none", "auto", "required", NULL};
static const char *const function_words[] = {"none", "auto", NULL};
static const char *const modes[] = {"auto", "required", NULL};
static const char *const custom_formats[] = {"text", "grammar", NULL};
static const char *const syntaxes[] = {"lark", "regex", NULL};

static const struct field function_fields[] = {
    FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = NAME_CHARS, .pattern = "^[a-zA-Z0-9_-]+$"),
    FIELD_CHECKED("description", F_STR, .nullable = true),
    FIELD_CHECKED("parameters", F_OBJECT, .nullable = true),
    FIELD_CHECKED("strict", F_BOOL, .nullable = true),
    FIELD_END,
};
static const struct field grammar_fields[] = {
    FIELD_CHECKED("definition", F_STR, .required = true),
    FIELD_CHECKED("syntax", F_ENUM, .required = true, .values = syntaxes),
    FIELD_END,
};
static const struct field custom_format_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = custom_formats),
    FIELD_CHECKED("grammar", F_OBJECT, .sub = grammar_fields),
    FIELD_END,
};

static bool chat_tools_format_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	char place[128];
	field_path(place, path, "grammar");
	return !str_eq(json_str(json_get(v, S("type"))), S("grammar")) || json_get(v, S("grammar")) ||
	       fail(e, ERR_MISSING_PARAMETER, place, "Missing required parameter: '%s'.", place);
}

static const struct field custom_fields[] = {
    FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = NAME_CHARS, .pattern = "^[a-zA-Z0-9_-]+$"),
    FIELD_CHECKED("description", F_STR, .nullable = true),
    FIELD_CHECKED("format", F_OBJECT, .nullable = true, .sub = custom_format_fields, .check = chat_tools_format_check),
    FIELD_END,
};
static const struct field tool_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = tool_types),
    FIELD_CHECKED("function", F_OBJECT, .sub = function_fields),
    FIELD_CHECKED("custom", F_OBJECT, .sub = custom_fields),
    FIELD_END,
};

/* What a tool, a choice or a call is about stands in the member that its type names. */
bool chat_typed_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	struct str type = json_str(json_get(v, S("type")));
	char place[128];
	field_path(place, path, str_eq(type, S("custom")) ? "custom" : "function");
	return json_get(v, type) || fail(e, ERR_MISSING_PARAMETER, place, "Missing required parameter: '%s'.", place);
}
const struct field chat_tool_item = {.kind = F_OBJECT, .sub = tool_fields, .check = chat_typed_check};

const struct field chat_function_item = {.kind = F_OBJECT, .sub = function_fields};

static const struct field named_fields[] = {
    FIELD_CHECKED("name", F_STR, .required = true),
    FIELD_END,
};
static const struct field choice_fields[] = {
    FIELD_CHECKED("function", F_OBJECT, .required = true, .sub = named_fields),
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = choice_types),
    FIELD_END,
};
static const struct field custom_choice_fields[] = {
    FIELD_CHECKED("custom", F_OBJECT, .required = true, .sub = named_fields),
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = choice_types),
    FIELD_END,
};
/* An allowed tool looks like a choice of it. */
static const struct field allowed_tool_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = tool_types),
    FIELD_CHECKED("function", F_OBJECT, .sub = named_fields),
    FIELD_CHECKED("custom", F_OBJECT, .sub = named_fields),
    FIELD_END,
};
static const struct field allowed_tool = {.kind = F_OBJECT, .sub = allowed_tool_fields, .check = chat_typed_check};
static const struct field allowed_fields[] = {
    FIELD_CHECKED("mode", F_ENUM, .required = true, .values = modes),
    FIELD_CHECKED("tools", F_ARRAY, .required = true, .item = &allowed_tool),
    FIELD_END,
};
static const struct field allowed_choice_fields[] = {
    FIELD_CHECKED("type", F_STR),
    FIELD_CHECKED("allowed_tools", F_OBJECT, .required = true, .sub = allowed_fields),
    FIELD_END,
};

bool chat_choice_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field word = {.kind = F_ENUM, .values = words};
	struct str type = json_str(json_get(v, S("type")));
	if (yyjson_is_str(v))
		return field_value(&word, v, path, ctx, e);
	if (!yyjson_is_obj(v)) /* to the letter, with its double "one of" */
		return field_type(v, path, "one of one of 'none', 'auto', or 'required' or object", e);
	return fields_read(str_eq(type, S("allowed_tools")) ? allowed_choice_fields
			   : str_eq(type, S("custom"))      ? custom_choice_fields
							    : choice_fields,
			   v, path, NULL, NULL, ctx, e);
}

bool chat_function_choice_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field word = {.kind = F_ENUM, .values = function_words};
	if (yyjson_is_str(v))
		return field_value(&word, v, path, ctx, e);
	if (!yyjson_is_obj(v))
		return field_type(v, path, "one of 'none', 'auto' or an object", e);
	return fields_read(named_fields, v, path, NULL, NULL, ctx, e);
}

/* --- meaning ------------------------------------------------------------------------------------------- */

/* `in`: "tools" or "functions". */
static bool chat_tools_take_function(struct arena *a, yyjson_val *v, const char *in, size_t at, struct function_tool *f,
				     struct err *e)
{
	char path[128], place[128];
	field_index(path, in, at);
	field_path(place, path, strcmp(in, "tools") ? "parameters" : "function.parameters");
	f->name = json_str(json_get(v, S("name")));
	f->description = json_str(json_get(v, S("description")));
	f->parameters = schema_parameters(a, json_get(v, S("parameters")));
	f->strict = yyjson_is_true(json_get(v, S("strict")));
	f->strict_said = yyjson_is_bool(json_get(v, S("strict")));
	return f->strict ? schema_strict(f->parameters, ERR_BAD_FUNCTION_SCHEMA, place, f->name, e)
			 : schema_sane(f->parameters, ERR_BAD_FUNCTION_SCHEMA, place, f->name, e);
}

/* Its format, with the grammar one level up, as the Responses API has it: what engines are told is made of that. */
static bool chat_tools_take_custom(struct arena *a, yyjson_val *v, struct function_tool *f, const struct function_tool *others,
				   size_t n, struct err *e)
{
	yyjson_val *format = json_get(v, S("format")), *grammar = json_get(format, S("grammar")), *flat;
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_member(&o, v, S("name"));
	jo_member(&o, v, S("description"));
	if (grammar) {
		jo_key(&o, S("format"));
		jo_obj(&o);
		jo_member(&o, format, S("type"));
		jo_member(&o, grammar, S("syntax"));
		jo_member(&o, grammar, S("definition"));
		jo_obj_end(&o);
	}
	jo_obj_end(&o);
	bool ok = json_parse(a, str_copy(a, buf_str(&b)), &flat, e);
	buf_release(&b);
	if (!ok)
		return false;
	call_describe(a, CALL_CUSTOM, flat, f);
	call_name(a, f, others, n, NULL);
	f->path = str_fmt(a, "tools[%zu].custom.format", n);
	return true;
}

/* The tool of this type, by the name that the client has for it; NULL. */
static const struct function_tool *offered(const struct prompt *p, enum call_kind kind, struct str name)
{
	for (size_t i = 0; i < p->n_tools; i++)
		if (p->tools[i].kind == kind && str_eq(p->tools[i].own.p ? p->tools[i].own : p->tools[i].name, name))
			return &p->tools[i];
	return NULL;
}

struct str chat_call_name(const struct prompt *p, enum call_kind kind, struct str name)
{
	const struct function_tool *t = offered(p, kind, name);
	return t ? t->name : name;
}

/* What a choice or an allowed tool, {"type": T, T: {"name": ...}}, means. */
static const struct function_tool *chat_tools_chosen(const struct prompt *p, yyjson_val *v, struct err *e)
{
	struct str type = json_str(json_get(v, S("type"))), name = json_str(json_get(json_get(v, type), S("name")));
	bool custom = str_eq(type, S("custom"));
	const struct function_tool *t = offered(p, custom ? CALL_CUSTOM : CALL_FUNCTION, name);
	if (!t)
		fail(e, ERR_BAD_REQUEST, "tool_choice",
		     "Invalid value for 'tool_choice': no %s named '%.*s' was specified in the 'tools' parameter.",
		     custom ? "custom tool" : "function", (int)(name.n < 64 ? name.n : 64), name.p);
	return t;
}

/* Only the allowed tools are shown to the model. */
static bool chat_tools_take_allowed(struct chat_reader *r, yyjson_val *choice, struct err *e)
{
	struct prompt *p = &r->c->prompt;
	yyjson_val *allowed = json_get(choice, S("allowed_tools")), *list = json_get(allowed, S("tools")), *one;
	struct function_tool *kept = new_array(r->a, struct function_tool, yyjson_arr_size(list) + 1);
	size_t i, max, n = 0;
	yyjson_arr_foreach(list, i, max, one)
	{
		const struct function_tool *f = chat_tools_chosen(p, one, e);
		if (!f)
			return false;
		kept[n++] = *f;
	}
	p->choice = str_eq(json_str(json_get(allowed, S("mode"))), S("required")) ? CHOICE_REQUIRED : CHOICE_AUTO;
	p->only_offered = true;
	p->tools = kept;
	p->n_tools = n;
	return true;
}

static bool chat_tools_take_choice(struct chat_reader *r, yyjson_val *choice, struct err *e)
{
	struct prompt *p = &r->c->prompt;
	struct str word = json_str(choice);
	if (str_eq(word, S("none")))
		p->choice = CHOICE_NONE;
	else if (str_eq(word, S("required")))
		p->choice = CHOICE_REQUIRED;
	if (!yyjson_is_obj(choice))
		return true;
	if (str_eq(json_str(json_get(choice, S("type"))), S("allowed_tools")))
		return chat_tools_take_allowed(r, choice, e);
	const struct function_tool *t = chat_tools_chosen(p, choice, e);
	if (!t)
		return false;
	p->choice = CHOICE_NAMED;
	p->choice_name = t->name;
	return true;
}

static bool only_with_tools(struct chat_reader *r, const char *name, struct err *e)
{
	yyjson_val *v = json_get(r->body, str_of(name));
	if (!v || yyjson_is_null(v) || r->c->prompt.n_tools)
		return true;
	return fail(e, ERR_BAD_REQUEST, name,
		    "Invalid value for '%s': '%s' is only allowed when 'tools' are specified.", name, name);
}

/* What tools were called once: one call at most, which the answer tells as function_call. */
static bool take_functions(struct chat_reader *r, yyjson_val *list, struct err *e)
{
	struct prompt *p = &r->c->prompt;
	yyjson_val *choice = json_get(r->body, S("function_call")), *one;
	struct function_tool *f = new_array(r->a, struct function_tool, yyjson_arr_size(list) + 1);
	size_t i, max;
	yyjson_arr_foreach(list, i, max,
			   one) if (!chat_tools_take_function(r->a, one, "functions", i, &f[i], e)) return false;
	r->c->functions = true;
	p->tools = f;
	p->n_tools = yyjson_arr_size(list);
	p->parallel = false;
	if (str_eq(json_str(choice), S("none")))
		p->choice = CHOICE_NONE;
	if (!yyjson_is_obj(choice))
		return true;
	p->choice = CHOICE_NAMED;
	p->choice_name = json_str(json_get(choice, S("name")));
	return offered(p, CALL_FUNCTION, p->choice_name) ||
	       fail(e, ERR_BAD_REQUEST, "function_call", "Invalid value for 'function_call': no function named '%.*s' was specified in "
	            "the 'functions' parameter.", (int)(p->choice_name.n < 64 ? p->choice_name.n : 64), p->choice_name.p);
}

/* Lark grammars are shown to the model; held to one is it where the call is forced, and the engine can. */
const char *chat_tools_advice(struct arena *a, const struct prompt *p, const struct engine_model *m, const char *list)
{
	for (size_t i = 0; i < p->n_tools; i++) {
		const struct function_tool *t = &p->tools[i];
		bool lark = str_eq(json_str(json_get(json_get(t->given, S("format")), S("syntax"))), S("lark"));
		if (lark && (prompt_forced(p) != t || !engine_constrains(m, t)))
			list = str_fmt(a, "%s%s%.*s", list ? list : "", list ? ", " : "", FMT(t->path)).p;
	}
	return list;
}

bool chat_take_tools(struct chat_reader *r, struct err *e)
{
	struct prompt *p = &r->c->prompt;
	yyjson_val *tools = json_get(r->body, S("tools")), *one;
	if (yyjson_is_arr(json_get(r->body, S("functions"))))
		return take_functions(r, json_get(r->body, S("functions")), e);
	struct function_tool *f = new_array(r->a, struct function_tool, yyjson_arr_size(tools) + 1);
	size_t i, max;
	yyjson_arr_foreach(tools, i, max, one)
	{
		yyjson_val *custom = str_eq(json_str(json_get(one, S("type"))), S("custom")) ? json_get(one, S("custom")) : NULL;
		if (custom ? !chat_tools_take_custom(r->a, custom, &f[i], f, i, e)
			   : !chat_tools_take_function(r->a, json_get(one, S("function")), "tools", i, &f[i], e))
			return false;
	}
	p->tools = f;
	p->n_tools = yyjson_arr_size(tools);
	p->parallel = !yyjson_is_false(json_get(r->body, S("parallel_tool_calls")));
	return only_with_tools(r, "tool_choice", e) && only_with_tools(r, "parallel_tool_calls", e) &&
	       chat_tools_take_choice(r, json_get(r->body, S("tool_choice")), e);
}
