/* request_choice.c - the request's `tool_choice`: its shape, then what it means for the tools. */
#include "model/hosted_server.h"
#include "model/request_parts.h"
#include "model/tool_fields.h"

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

/* The tool that a choice names; NULL. A namespace is no part of a choice: its functions go by their own names. */
static struct function_tool *request_choice_chosen(const struct create *c, yyjson_val *choice)
{
	struct str type = json_str(json_get(choice, S("type"))), name = json_str(json_get(choice, S("name")));
	enum call_kind kind = call_kind_of(str_eq(type, S("computer_use")) ? S("computer") : type);
	struct function_tool named = {.kind = kind, .hosted = hosted_of_type(type)};
	for (size_t i = 0; kind < CALL_KINDS && i < c->n_tools; i++) {
		const struct call_row *row = &call_rows[c->tools[i].kind];
		if (!c->tools[i].server.n && call_item(&c->tools[i]) == call_item(&named) &&
		    (!(row->flags & CALL_NAMED) || str_eq(c->tools[i].own, name)))
			return &c->tools[i];
	}
	return NULL;
}

/* What a choice of a server's functions allows: one of them, or all. They are not known yet. {0}: no such server. */
static struct str request_choice_server(struct reader *r, yyjson_val *choice)
{
	const struct hosted *h = hosted_of_type(json_str(json_get(choice, S("type"))));
	struct str name = json_str(json_get(choice, S("name")));
	for (size_t i = 0; h && h->server && i < r->c->n_tools; i++) {
		const struct function_tool *f = &r->c->tools[i];
		struct function_tool one = {.own = name, .space = f->space};
		if (f->hosted != h || !str_eq(f->space, json_str(json_get(choice, h->server->label))))
			continue;
		if (name.n)
			call_name(r->a, &one, NULL, 0, NULL);
		return name.n ? one.name : f->name;
	}
	return (struct str){0};
}

/* The live text quotes the type, for a function too. */
static bool request_choice_not_offered(yyjson_val *choice, struct err *e)
{
	return fail(e, ERR_BAD_REQUEST, "tool_choice", "Tool choice '%.*s' not found in 'tools' parameter.",
		    FMT(json_str(json_get(choice, S("type")))));
}

static bool request_choice_take_allowed(struct reader *r, yyjson_val *choice, struct err *e)
{
	struct create *c = r->c;
	yyjson_val *tools = json_get(choice, S("tools")), *one;
	size_t i, max;
	c->choice = str_eq(json_str(json_get(choice, S("mode"))), S("required")) ? CHOICE_REQUIRED : CHOICE_AUTO;
	c->allowed = new_array(r->a, struct str, yyjson_arr_size(tools) + 1);
	yyjson_arr_foreach(tools, i, max, one)
	{
		const struct function_tool *f = request_choice_chosen(c, one);
		struct str name = f ? f->name : request_choice_server(r, one);
		if (!name.n)
			return request_choice_not_offered(one, e);
		c->allowed[c->n_allowed++] = name;
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

bool choice_take(struct reader *r, struct err *e)
{
	struct create *c = r->c;
	yyjson_val *choice = json_get(r->body, S("tool_choice"));
	struct function_tool *named = request_choice_chosen(c, choice);
	struct str word = json_str(choice), server = request_choice_server(r, choice);
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
		if (!request_choice_take_allowed(r, choice, e))
			return false;
	} else if (server.n) {
		c->choice = CHOICE_REQUIRED;
		c->allowed = new (r->a, struct str);
		c->allowed[c->n_allowed++] = server;
	} else if (named) {
		c->choice = CHOICE_NAMED;
		c->choice_name = named->name;
		named->deferred = false;
	} else {
		return request_choice_not_offered(choice, e);
	}
	echo_choice(r, choice);
	return true;
}

