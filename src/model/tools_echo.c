/* tools_echo.c - the tools as the response repeats them: normalised, in the live API's order. */
#include "model/call_index.h"
#include "model/request_parts.h"
#include "model/tool_fields.h"
#include "wire/json_swap.h"

enum { TOOLS_MAX = 1 << 30 }; /* bytes; a body is bounded far below */

static yyjson_val *tools_echo_given(yyjson_val *tool, struct str key)
{
	yyjson_val *v = json_get(tool, key);
	return v && !yyjson_is_null(v) ? v : NULL;
}

static void if_given(struct jout *o, yyjson_val *tool, struct str key)
{
	if (tools_echo_given(tool, key)) {
		jo_key(o, key);
		jo_val(o, tools_echo_given(tool, key));
	}
}

static void or_null(struct jout *o, yyjson_val *tool, struct str key)
{
	jo_key(o, key);
	if (tools_echo_given(tool, key))
		jo_val(o, tools_echo_given(tool, key));
	else
		jo_null(o);
}

static void open_tool(struct jout *o, yyjson_val *tool)
{
	jo_obj(o);
	jo_kstr(o, "type", json_str(json_get(tool, S("type"))));
}

/* The function that an element of `tools` has become; NULL. There may be very many, which have names. */
static const struct function_tool *tools_echo_made(const struct create *c, yyjson_val *tool)
{
	struct str own = json_str(json_get(tool, S("name")));
	for (size_t at = 0; own.n && call_index_own(c->index, own, c->n_tools, &at);)
		if (c->tools[at - 1].given == tool)
			return &c->tools[at - 1];
	for (size_t i = 0; i < c->n_tools; i++)
		if (c->tools[i].given == tool)
			return &c->tools[i];
	return NULL;
}

/* `found`: it waits no longer. */
static void echo_function(struct jout *o, const struct create *c, yyjson_val *tool, bool found)
{
	const struct function_tool *f = tools_echo_made(c, tool);
	open_tool(o, tool);
	if_given(o, tool, S("allowed_callers"));
	if_given(o, tool, S("async"));
	if (!found)
		if_given(o, tool, S("defer_loading"));
	jo_kstr(o, "description", f ? f->description : (struct str){0});
	or_null(o, tool, S("name"));
	or_null(o, tool, S("output_schema"));
	jo_key(o, S("parameters"));
	if (yyjson_obj_size(json_get(tool, S("parameters"))))
		jo_val(o, json_get(tool, S("parameters")));
	else
		jo_raw(o, S("{\"type\":\"object\",\"properties\":{}}"));
	jo_kbool(o, "strict", f && f->strict);
	jo_obj_end(o);
}

static void echo_custom(struct jout *o, yyjson_val *tool, bool found)
{
	open_tool(o, tool);
	if_given(o, tool, S("allowed_callers"));
	if_given(o, tool, S("async"));
	if (!found)
		if_given(o, tool, S("defer_loading"));
	if_given(o, tool, S("description"));
	jo_key(o, S("format"));
	if (tools_echo_given(tool, S("format")))
		jo_val(o, tools_echo_given(tool, S("format")));
	else
		jo_raw(o, S("{\"type\":\"text\"}"));
	or_null(o, tool, S("name"));
	jo_obj_end(o);
}

static void echo_search(struct jout *o, yyjson_val *tool)
{
	struct str execution = json_str(json_get(tool, S("execution")));
	open_tool(o, tool);
	or_null(o, tool, S("description"));
	if (str_eq(execution, S("client")))
		jo_kstr(o, "execution", execution);
	or_null(o, tool, S("parameters"));
	jo_obj_end(o);
}

/* As it came, its type first. */
static void echo_as_given(struct jout *o, yyjson_val *tool)
{
	size_t i, max;
	yyjson_val *key, *val;
	open_tool(o, tool);
	yyjson_obj_foreach(tool, i, max, key, val) if (!str_eq(json_str(key), S("type")))
	    if_given(o, tool, json_str(key));
	jo_obj_end(o);
}

static void echo_tool(struct jout *o, const struct create *c, yyjson_val *tool, bool found);

static void echo_namespace(struct jout *o, const struct create *c, yyjson_val *tool)
{
	size_t i, max;
	yyjson_val *inner;
	open_tool(o, tool);
	or_null(o, tool, S("description"));
	or_null(o, tool, S("name"));
	jo_key(o, S("tools"));
	jo_arr(o);
	yyjson_arr_foreach(json_get(tool, S("tools")), i, max, inner) echo_tool(o, c, inner, false);
	jo_arr_end(o);
	jo_obj_end(o);
}

static void echo_tool(struct jout *o, const struct create *c, yyjson_val *tool, bool found)
{
	const struct hosted *ours = hosted_of_tool(tool);
	const struct function_tool *f = tools_echo_made(c, tool);
	switch (tool_type_of(tool)) {
	case TOOL_FUNCTION:
		echo_function(o, c, tool, found);
		break;
	case TOOL_CUSTOM:
		echo_custom(o, tool, found);
		break;
	case TOOL_TOOL_SEARCH:
		echo_search(o, tool);
		break;
	case TOOL_NAMESPACE:
		echo_namespace(o, c, tool);
		break;
	default:
		if (ours && ours->echo)
			ours->echo(o, tool, f ? f->settled : NULL);
		else
			echo_as_given(o, tool);
	}
}

/* --- what items did to a tool -------------------------------------------------------------------------------- */

static bool tools_echo_named(yyjson_val *tools, struct str name)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(tools, i, max,
			   one) if (name.p && str_eq(json_str(json_get(one, S("name"))), name)) return true;
	return false;
}

/* An item of that type brings a tool of that name. */
static bool brought(const struct create *c, enum item_type by, struct str name)
{
	for (size_t i = 0; i < c->n_items; i++)
		if (c->items[i].type == by && tools_echo_named(json_get(c->items[i].val, S("tools")), name))
			return true;
	return false;
}

/* Recorded: a deferred function that our search has found is listed as a namespace of its own. */
static bool spaced(const struct create *c, yyjson_val *tool)
{
	struct str name = json_str(json_get(tool, S("name")));
	if (tool_type_of(tool) != TOOL_FUNCTION || !yyjson_is_true(json_get(tool, S("defer_loading"))))
		return false;
	for (size_t i = 0; i < c->n_items; i++)
		if (c->items[i].type == ITEM_TOOL_SEARCH_OUTPUT &&
		    tools_echo_named(json_get(c->items[i].val, S("tools")), name) &&
		    !str_eq(json_str(json_get(c->items[i].val, S("execution"))), S("client")))
			return true;
	return false;
}

static void echo_spaced(struct jout *o, const struct create *c, yyjson_val *tool)
{
	jo_obj(o);
	jo_kstr(o, "type", S("namespace"));
	or_null(o, tool, S("description"));
	or_null(o, tool, S("name"));
	jo_key(o, S("tools"));
	jo_arr(o);
	echo_tool(o, c, tool, true);
	jo_arr_end(o);
	jo_obj_end(o);
}

/* --- the list --------------------------------------------------------------------------------------------------- */

enum rank { PLAIN, SEARCH, SPACES, RANKS }; /* the recorded order */

static enum rank rank_of(const struct create *c, yyjson_val *tool)
{
	enum tool_type type = tool_type_of(tool);
	return type == TOOL_TOOL_SEARCH ? SEARCH : type == TOOL_NAMESPACE || spaced(c, tool) ? SPACES : PLAIN;
}

static void echo_list(struct jout *o, const struct create *c, yyjson_val *tools, enum rank rank)
{
	size_t i, max;
	yyjson_val *tool;
	yyjson_arr_foreach(tools, i, max, tool)
	{
		struct str name = json_str(json_get(tool, S("name")));
		if (rank_of(c, tool) != rank)
			continue;
		if (spaced(c, tool))
			echo_spaced(o, c, tool);
		else
			echo_tool(o, c, tool,
				  brought(c, ITEM_TOOL_SEARCH_OUTPUT, name) || brought(c, ITEM_ADDITIONAL_TOOLS, name));
	}
}

/* Of several that have been found: those below one namespace, or of one server, stand together. */
static bool found_together(const struct function_tool *a, const struct function_tool *b)
{
	return a == b || (a->group && a->group == b->group) ||
	       (a->definition && b->definition && str_eq(a->server, b->server));
}

static void echo_found_group(struct jout *o, const struct create *c, const struct function_tool *const *found, size_t n,
			     const struct function_tool *one)
{
	jo_obj(o);
	jo_kstr(o, "type", S("namespace"));
	or_null(o, one->group, S("description"));
	or_null(o, one->group, S("name"));
	jo_key(o, S("tools"));
	jo_arr(o);
	for (size_t i = 0; i < n; i++)
		if (found_together(found[i], one))
			echo_tool(o, c, found[i]->given, false);
	jo_arr_end(o);
	jo_obj_end(o);
}

/* A server as it was given, with the functions that were found as all that are allowed. */
static void echo_found_server(struct jout *o, struct arena *a, const struct create *c,
			      const struct function_tool *const *found, size_t n, const struct function_tool *one)
{
	struct err none = {0};
	struct buf b;
	yyjson_val *v;
	buf_init(&b, SIZE_MAX / 2);
	struct jout names = {.b = &b};
	jo_arr(&names);
	for (size_t i = 0; i < n; i++)
		if (found_together(found[i], one))
			jo_str(&names, found[i]->own);
	jo_arr_end(&names);
	struct json_swap without = {S("allowed_tools"), {0}};
	struct str bare = json_swapped(a, one->given, &without, 1);
	struct str text = str_fmt(a, "%.*s,\"allowed_tools\":%.*s}", (int)bare.n - 1, bare.p, FMT(buf_str(&b)));
	buf_release(&b);
	if (json_parse(a, text, &v, &none))
		echo_tool(o, c, v, false);
}

void create_found(struct jout *o, struct arena *a, const struct create *c, const struct function_tool *const *found,
		  size_t n)
{
	jo_arr(o);
	for (size_t i = 0; i < n; i++) {
		size_t first = 0;
		while (!found_together(found[first], found[i]))
			first++;
		if (first < i)
			continue;
		if (found[i]->group)
			echo_found_group(o, c, found, n, found[i]);
		else if (found[i]->definition)
			echo_found_server(o, a, c, found, n, found[i]);
		else
			echo_tool(o, c, found[i]->given, false);
	}
	jo_arr_end(o);
}

/* The request's own tools, and those of additional_tools that it does not have. */
void create_echo_tools(struct arena *a, struct create *c)
{
	yyjson_val *tools = c->listed, *tool;
	struct buf b;
	struct jout o = {.b = &b};
	size_t k, max;
	buf_init(&b, TOOLS_MAX);
	jo_arr(&o);
	for (enum rank rank = PLAIN; rank < RANKS; rank++) {
		echo_list(&o, c, tools, rank);
		for (size_t i = 0; i < c->n_items; i++) {
			if (c->items[i].type != ITEM_ADDITIONAL_TOOLS)
				continue;
			yyjson_arr_foreach(json_get(c->items[i].val, S("tools")), k, max,
					   tool) if (rank_of(c, tool) == rank &&
						     !tools_echo_named(tools, json_str(json_get(tool, S("name")))))
			    echo_tool(&o, c, tool, false);
		}
	}
	jo_arr_end(&o);
	c->echo.tools = str_copy(a, buf_str(&b));
	buf_release(&b);
}
