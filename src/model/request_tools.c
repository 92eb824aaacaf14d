/* request_tools.c - the request's tools as functions: those of `tools`, and those that items bring. */
#include "model/request_tools.h"

#include <string.h>

#include "model/call_index.h"
#include "model/call_kinds.h"
#include "model/hosted_server.h"
#include "model/program.h"
#include "model/request_parts.h"
#include "model/tool_fields.h"
#include "model/tools_echo.h"
#include "wire/schema.h"

/* As the live API: what is strict must be within the subset; what does not say is strict when it fits. */
static bool request_tools_take_function(struct arena *a, yyjson_val *tool, const char *path, struct function_tool *f,
					struct err *e)
{
	yyjson_val *strict = json_get(tool, S("strict")), *parameters = schema_parameters(a, json_get(tool, S("parameters")));
	struct err why = {0};
	char place[128];
	field_path(place, path, "parameters");
	f->given = tool;
	f->strict_said = yyjson_is_bool(strict);
	f->own = json_str(json_get(tool, S("name")));
	f->description = json_str(json_get(tool, S("description")));
	if (f->description.n == 0) /* live: "" is listed as null */
		f->description = (struct str){0};
	f->parameters = parameters;
	f->strict = !yyjson_is_false(strict) &&
		    schema_strict(f->parameters, ERR_BAD_FUNCTION_SCHEMA, place, f->own, &why);
	if (yyjson_is_true(strict) && !f->strict)
		return fail(e, why.code, why.param, "%s", why.msg);
	return f->strict || schema_sane(f->parameters, ERR_BAD_FUNCTION_SCHEMA, place, f->own, e);
}

/* What a type means that its shape does not say. */
static bool check_served(yyjson_val *tool, const char *path, enum tool_type type, struct err *e)
{
	yyjson_val *environment = json_get(tool, S("environment"));
	struct str where = json_str(json_get(environment, S("type")));
	if (tool_rows[type].flags & TOOL_HOSTED && !hosted_of_type(str_of(tool_rows[type].wire)))
		return fail(e, ERR_UNSUPPORTED_VALUE, path,
			    "Unsupported value: '%s'. This version does not serve tools of this type yet; a "
			    "later one brings them.",
			    tool_rows[type].wire);
	if (type == TOOL_SHELL && where.p && !str_eq(where, S("local")) && !hosted_of_tool(tool))
		return fail(e, ERR_UNSUPPORTED_VALUE, path,
			    "Unsupported value: '%.*s'. This version does not serve shells in containers yet: the "
			    "client runs the commands ('local').",
			    FMT(where));
	return true;
}

/* The array grows when its length is a power of two. */
static struct function_tool *request_tools_new(struct arena *a, struct create *c)
{
	size_t n = c->n_tools;
	if (n == 0 || (n >= 4 && (n & (n - 1)) == 0)) {
		struct function_tool *more = new_array(a, struct function_tool, n ? n * 2 : 4);
		if (n)
			memcpy(more, c->tools, n * sizeof *more);
		c->tools = more;
	}
	c->tools[n] = (struct function_tool){0};
	return &c->tools[n];
}

/* The one that request_tools_new() gave is named, and joins them. */
static void request_tools_join(struct arena *a, struct create *c)
{
	call_name(a, &c->tools[c->n_tools], c->tools, c->n_tools, c->index);
	c->n_tools++;
	c->index = call_index_add(a, c->index, c->tools, c->n_tools);
}

static struct function_tool *request_tools_known(struct create *c, const struct function_tool *f)
{
	for (size_t at = 0; call_index_own(c->index, f->own, c->n_tools, &at);) {
		struct function_tool *t = &c->tools[at - 1];
		if (!t->searches && t->kind == f->kind && str_eq(t->own, f->own) &&
		    (f->space.n ? str_eq(t->space, f->space) : !t->space.n))
			return t;
	}
	return NULL;
}

/* The server of that label. */
static struct function_tool *request_tools_server(struct create *c, const struct hosted *h, struct str label)
{
	for (size_t i = 0; i < c->n_tools; i++)
		if (c->tools[i].hosted == h && tool_is_server(&c->tools[i]) && str_eq(c->tools[i].space, label))
			return &c->tools[i];
	return NULL;
}

static bool request_tools_named(yyjson_val *allowed, struct str name)
{
	yyjson_val *names = yyjson_is_obj(allowed) ? json_get(allowed, S("tool_names")) : allowed, *one;
	size_t i, max;
	yyjson_arr_foreach(names, i, max, one) if (str_eq(json_str(one), name)) return true;
	return !yyjson_is_arr(names);
}

/* A search has found functions of a server: those that it names. */
static void found_of_server(struct create *c, const struct function_tool *f)
{
	yyjson_val *allowed = json_get(f->given, S("allowed_tools"));
	struct function_tool *server = request_tools_server(c, f->hosted, json_str(json_get(f->given, f->hosted->server->label)));
	for (size_t i = 0; server && i < c->n_tools; i++)
		if (c->tools[i].definition && str_eq(c->tools[i].server, server->server) && request_tools_named(allowed, c->tools[i].own))
			c->tools[i].deferred = c->tools[i].unfound = false;
	if (server && (!allowed || yyjson_is_null(allowed)))
		server->deferred = server->unfound = false; /* those that are not there yet, too */
}

/* A server is no function: it waits for its list under a name that no function has. */
static bool take_server(struct arena *a, struct create *c, struct function_tool *f, const char *path, struct err *e)
{
	char place[128];
	struct str label = json_str(json_get(f->given, f->hosted->server->label));
	f->own = (struct str){0};
	f->space = label;
	f->server = f->name = str_fmt(a, "server:%.*s", FMT(label));
	if (call_tool(c->tools, c->n_tools, f->name)) {
		field_path(place, path, f->hosted->server->label.p);
		return fail(e, ERR_INVALID_VALUE, place, "Duplicate %.*s found: '%.*s'. Each has to be unique among 'tools'.",
			    FMT(f->hosted->server->label), FMT(label));
	}
	c->n_tools++;
	c->index = call_index_add(a, c->index, c->tools, c->n_tools);
	return true;
}

enum origin { GIVEN, LOADED }; /* by `tools`; by an item: it may be there already, waiting */

/* What does not say is the model's to call. */
static unsigned callers_of(yyjson_val *tool)
{
	yyjson_val *list = json_get(tool, S("allowed_callers")), *one;
	unsigned ret = yyjson_arr_size(list) ? 0 : CALLER_MODEL;
	size_t i, max;
	yyjson_arr_foreach(list, i, max, one)
		ret |= str_eq(json_str(one), S("programmatic")) ? CALLER_PROGRAM : CALLER_MODEL;
	return ret;
}

static bool request_tools_take_one(struct arena *a, struct create *c, yyjson_val *tool, const char *path,
				   yyjson_val *group, enum origin from, struct err *e)
{
	enum call_kind kind = call_kind_of(json_str(json_get(tool, S("type"))));
	struct function_tool *f = request_tools_new(a, c), *same;
	if (kind == CALL_FUNCTION) {
		if (!request_tools_take_function(a, tool, path, f, e))
			return false;
	} else if (kind < CALL_KINDS) {
		call_describe(a, kind, tool, f);
	} else {
		return true; /* of another kind: nothing that an engine could call */
	}
	f->callers = callers_of(tool);
	if (f->hosted)
		f->path = str_copy(a, str_of(path));
	if (f->hosted && f->hosted->server && from == LOADED) {
		found_of_server(c, f);
		return true;
	}
	f->deferred = from == GIVEN && yyjson_is_true(json_get(tool, S("defer_loading")));
	if (f->hosted && f->hosted->server)
		return take_server(a, c, f, path, e);
	f->group = group;
	f->space = json_str(json_get(group, S("name")));
	if (from == LOADED && (same = request_tools_known(c, f)) != NULL) {
		same->deferred = same->unfound = false;
		return true;
	}
	request_tools_join(a, c);
	return true;
}

static bool take_tool(struct arena *a, struct create *c, yyjson_val *tool, const char *path, enum origin from,
		      struct err *e)
{
	size_t i, max;
	yyjson_val *inner;
	enum tool_type type = tool_type_of(tool);
	if (!check_served(tool, path, type, e))
		return false;
	if (type == TOOL_TOOL_SEARCH && !str_eq(json_str(json_get(tool, S("execution"))), S("client")))
		return true; /* ours to search: nothing is hidden from the model then (wake_all) */
	if (type != TOOL_NAMESPACE)
		return request_tools_take_one(a, c, tool, path, NULL, from, e);
	yyjson_arr_foreach(json_get(tool, S("tools")), i, max, inner)
	{
		char list[128], place[128];
		field_path(list, path, "tools");
		field_index(place, list, i);
		if (!request_tools_take_one(a, c, inner, place, tool, from, e))
			return false;
	}
	return true;
}

/* --- tools that items bring ------------------------------------------------------------------------------- */

static bool brings_tools(const struct item *it)
{
	return it->type == ITEM_ADDITIONAL_TOOLS || it->type == ITEM_TOOL_SEARCH_OUTPUT;
}

static bool load_item(struct arena *a, struct create *c, const struct item *it, const char *path, struct err *e)
{
	size_t i, max;
	yyjson_val *tool;
	char list[128], place[128];
	field_path(list, path, "tools");
	yyjson_arr_foreach(json_get(it->val, S("tools")), i, max, tool)
	{
		field_index(place, list, i);
		if (!take_tool(a, c, tool, place, LOADED, e))
			return false;
	}
	return true;
}

/* A tool that was called has been found, whatever became of the search. */
static void wake_called(struct create *c, const struct item *it)
{
	if (it->type == ITEM_MESSAGE)
		return;
	for (size_t at = 0; call_index_own(c->index, it->name, c->n_tools, &at);) {
		struct function_tool *t = &c->tools[at - 1];
		if (call_item(t) == it->type && str_eq(t->own, it->name))
			t->deferred = t->unfound = false;
	}
}

void create_load_tools(struct arena *a, struct create *c, const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct err ignored = {0}; /* checked when they came in */
		if (brings_tools(&items[i]))
			load_item(a, c, &items[i], "", &ignored);
		create_bind(a, c, &items[i]);
		wake_called(c, &items[i]);
	}
}

/* --- servers --------------------------------------------------------------------------------------------- */

struct function_tool *create_server(const struct create *c, const struct item *it)
{
	const struct hosted *h = hosted_of_item(it->type);
	for (size_t i = 0; h && h->server && i < c->n_tools; i++) {
		struct function_tool *f = &c->tools[i];
		if (f->hosted == h && tool_is_server(f) && str_eq(f->space, json_str(json_get(it->val, h->server->label))))
			return f;
	}
	return NULL;
}

const struct function_tool *create_function(const struct create *c, const struct function_tool *server, struct str name)
{
	for (size_t i = 0; i < c->n_tools; i++) {
		const struct function_tool *f = &c->tools[i];
		if (f->definition && str_eq(f->server, server->server) && str_eq(f->own, name))
			return f;
	}
	return NULL;
}

static void bind_one(struct arena *a, struct create *c, const struct function_tool *server, const struct hosted_function *one)
{
	struct function_tool *f = request_tools_new(a, c);
	*f = *server;
	f->own = one->name;
	f->description = one->description;
	f->parameters = one->parameters;
	f->definition = one->definition;
	f->bound = false;
	request_tools_join(a, c);
}

bool create_bind(struct arena *a, struct create *c, const struct item *list)
{
	struct function_tool *server = create_server(c, list), copy;
	struct hosted_function *all = NULL;
	size_t n = 0;
	if (!server || server->bound || list->type != server->hosted->server->list ||
	    !server->hosted->server->offers(a, server->given, list, &all, &n))
		return false;
	server->bound = true;
	copy = *server; /* the array may move */
	for (size_t i = 0; i < n; i++)
		bind_one(a, c, &copy, &all[i]);
	return true;
}

static bool offer_allowed(const struct create *c, const struct function_tool *f)
{
	bool allowed = !c->n_allowed;
	for (size_t k = 0; k < c->n_allowed; k++)
		allowed |= str_eq(c->allowed[k], f->name) || str_eq(c->allowed[k], f->server);
	return allowed && f->callers & CALLER_MODEL && !f->deferred && !tool_is_server(f);
}

/* What has to be called is shown. */
bool create_unfound(const struct create *c, const struct function_tool *f)
{
	return f->unfound && offer_allowed(c, f) && !(c->choice == CHOICE_NAMED && str_eq(c->choice_name, f->name));
}

static size_t offer_waiting(const struct create *c)
{
	size_t waiting = 0;
	for (size_t i = 0; i < c->n_tools; i++)
		waiting += create_unfound(c, &c->tools[i]);
	return waiting;
}

bool create_search_idle(const struct create *c, size_t most)
{
	bool ours = false, servers = false;
	for (size_t i = 0; i < c->n_tools; i++) {
		ours |= c->tools[i].searches;
		servers |= tool_is_server(&c->tools[i]) && yyjson_is_true(json_get(c->tools[i].given, S("defer_loading")));
	}
	return ours && !servers && offer_waiting(c) <= most;
}

struct function_tool *create_offer(struct arena *a, const struct create *c, size_t most, size_t *n)
{
	struct function_tool *some = c->n_tools ? new_array(a, struct function_tool, c->n_tools) : NULL;
	size_t waiting = offer_waiting(c);
	*n = 0;
	for (size_t i = 0; i < c->n_tools; i++) {
		const struct function_tool *f = &c->tools[i];
		bool hidden = waiting > most && create_unfound(c, f);
		if (f->searches ? waiting > most : offer_allowed(c, f) && !hidden)
			some[(*n)++] = *f;
	}
	return some;
}

/* --- all ---------------------------------------------------------------------------------------------------- */

/* What a model calls to find what it is not shown. */
static void search_add(struct arena *a, struct create *c)
{
	static const struct str schema = STR("{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\",\"description\":"
					     "\"What the tool is to do, in a few words.\"}},\"required\":[\"query\"],"
					     "\"additionalProperties\":false}");
	struct function_tool *f = request_tools_new(a, c);
	struct err none = {0};
	f->own = S("tool_search");
	f->description = S("Finds further tools by the words of their names and descriptions. What it finds can be called from "
			   "then on. Use it when no other tool fits.");
	f->searches = json_parse(a, str_copy(a, schema), &f->parameters, &none);
	request_tools_join(a, c);
}

/* Without a search by the client nothing would ever bring them. Where the search is ours the model sees all at once, unless they are
 * many (create_offer()); the client is told of the search that it asked for when the model calls what was not found before. */
static void wake_all(struct arena *a, struct create *c, yyjson_val *tools)
{
	size_t i, max;
	yyjson_val *tool;
	bool ours = false;
	for (i = 0; i < c->n_tools; i++)
		if (c->tools[i].kind == CALL_TOOL_SEARCH)
			return;
	yyjson_arr_foreach(tools, i, max, tool) ours |= tool_type_of(tool) == TOOL_TOOL_SEARCH;
	for (i = 0; i < c->n_tools; i++) {
		struct function_tool *f = &c->tools[i];
		f->searched = ours && yyjson_is_true(json_get(f->given, S("defer_loading")));
		f->unfound = f->searched && f->deferred;
		f->deferred = false;
	}
	if (ours)
		search_add(a, c);
}

bool tools_take(struct reader *r, struct err *e)
{
	yyjson_val *tools = json_get(r->body, S("tools")), *tool;
	struct create *c = r->c;
	char path[128];
	size_t i, max;
	yyjson_arr_foreach(tools, i, max, tool)
	{
		field_index(path, "tools", i);
		if (!take_tool(r->a, c, tool, path, GIVEN, e))
			return false;
	}
	for (i = 0; i < c->n_items; i++) {
		field_index(path, "input", i);
		if (brings_tools(&c->items[i]) && !load_item(r->a, c, &c->items[i], path, e))
			return false;
		wake_called(c, &c->items[i]);
	}
	wake_all(r->a, c, tools);
	if (!programs_offered(c, e))
		return false;
	c->listed = tools;
	create_echo_tools(r->a, c);
	return true;
}
