/* mcp_items.c - the items of the tool `mcp`, and the rules for the functions of a server. */
#include "tools/mcp_items.h"

#include <string.h>

#include "mcp/limits.h"
#include "tools/foreign.h"
#include "tools/mcp_server.h"

/* --- rules ---------------------------------------------------------------------------------------------------------
 */

static bool mcp_listed(yyjson_val *names, struct str name)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(names, i, max, one) if (str_eq(json_str(one), name)) return true;
	return false;
}

static bool mcp_reads(yyjson_val *definition)
{
	return yyjson_is_true(json_get(json_get(definition, S("annotations")), S("read_only")));
}

/* Does a filter {tool_names, read_only} name this function? All that it says has to fit; one that says nothing fits
 * none. */
static bool mcp_filter_names(yyjson_val *filter, yyjson_val *definition)
{
	yyjson_val *names = json_get(filter, S("tool_names")), *reads = json_get(filter, S("read_only"));
	if (!yyjson_is_arr(names) && !yyjson_is_bool(reads))
		return false;
	return (!yyjson_is_arr(names) || mcp_listed(names, json_str(json_get(definition, S("name"))))) &&
	       (!yyjson_is_bool(reads) || yyjson_get_bool(reads) == mcp_reads(definition));
}

static bool mcp_allows(yyjson_val *given, yyjson_val *definition)
{
	yyjson_val *allowed = json_get(given, S("allowed_tools"));
	if (yyjson_is_arr(allowed))
		return mcp_listed(allowed, json_str(json_get(definition, S("name"))));
	return !yyjson_is_obj(allowed) || mcp_filter_names(allowed, definition);
}

/* What is named as never is not asked for; all else is, what is named as both too. */
bool mcp_asks(yyjson_val *given, yyjson_val *definition)
{
	yyjson_val *rule = json_get(given, S("require_approval"));
	if (yyjson_is_str(rule))
		return !str_eq(json_str(rule), S("never"));
	return mcp_filter_names(json_get(rule, S("always")), definition) ||
	       !mcp_filter_names(json_get(rule, S("never")), definition);
}

static bool mcp_filter_says(yyjson_val *filter)
{
	return yyjson_is_arr(json_get(filter, S("tool_names"))) || yyjson_is_bool(json_get(filter, S("read_only")));
}

/* A rule that names nothing would be read as one thing by some and as its opposite by others. */
bool mcp_rules_fit(yyjson_val *given, const char *path, struct err *e)
{
	static const struct str kinds[] = {STR("always"), STR("never")};
	yyjson_val *rule = json_get(given, S("require_approval")), *allowed = json_get(given, S("allowed_tools"));
	char place[128], inner[128];
	bool any = false;
	field_path(place, path, "require_approval");
	for (size_t i = 0; yyjson_is_obj(rule) && i < 2; i++) {
		yyjson_val *filter = json_get(rule, kinds[i]);
		field_path(inner, place, kinds[i].p);
		if (yyjson_is_obj(filter) && !mcp_filter_says(filter))
			return fail(e, ERR_INVALID_VALUE, inner,
				    "Invalid '%s': give 'tool_names', 'read_only' or both.", inner);
		any |= yyjson_is_obj(filter);
	}
	if (yyjson_is_obj(rule) && !any)
		return fail(e, ERR_INVALID_VALUE, place, "Invalid '%s': give 'always', 'never' or both.", place);
	field_path(place, path, "allowed_tools");
	return !yyjson_is_obj(allowed) || mcp_filter_says(allowed) ||
	       fail(e, ERR_INVALID_VALUE, place, "Invalid '%s': give 'tool_names', 'read_only' or both.", place);
}

/* --- lists ---------------------------------------------------------------------------------------------------------
 */

/* What a list was made for: the same server, and the same choice among its functions. */
static struct str mcp_made_for(struct arena *a, yyjson_val *given)
{
	yyjson_val *allowed = json_get(given, S("allowed_tools"));
	return str_fmt(a, "%.*s %.*s", FMT(mcp_server_address(a, given)),
		       FMT((allowed && !yyjson_is_null(allowed) ? mcp_canonical(a, allowed) : S("all"))));
}

static void mcp_write_function(struct jout *o, const struct mcp_tool *t)
{
	jo_obj(o);
	jo_key(o, S("annotations"));
	jo_obj(o);
	jo_kbool(o, "read_only", t->read_only);
	jo_obj_end(o);
	if (t->description.p) /* Vercel's SDK takes no null */
		jo_kstr(o, "description", t->description);
	jo_key(o, S("input_schema"));
	jo_val(o, t->schema);
	jo_kstr(o, "name", t->name);
	jo_obj_end(o);
}

void mcp_list_members(struct buf *b, yyjson_val *given, const struct mcp_list *list, struct str error)
{
	struct arena a = {0};
	struct jout o = {.b = b};
	jo_key(&o, S("server_label"));
	jo_str(&o, json_str(json_get(given, S("server_label"))));
	if (error.p)
		jo_kstr(&o, "error", error);
	jo_key(&o, S("tools"));
	jo_arr(&o);
	for (size_t i = 0; list && i < list->n; i++) {
		struct buf one;
		struct err e = {0};
		yyjson_val *v;
		buf_init(&one, SIZE_MAX / 2);
		struct jout inner = {.b = &one};
		mcp_write_function(&inner, &list->tools[i]);
		if (json_parse(&a, str_copy(&a, buf_str(&one)), &v, &e) && mcp_allows(given, v))
			jo_raw(&o, buf_str(&one));
		buf_release(&one);
	}
	jo_arr_end(&o);
	jo_key(&o, ITEM_OURS);
	jo_obj(&o);
	jo_kstr(&o, "for", error.p ? S("") : mcp_made_for(&a, given));
	jo_obj_end(&o);
	arena_free(&a);
}

/* As engines take it: an object with properties, nothing that only the protocol reads. */
static yyjson_val *mcp_parameters(struct arena *a, yyjson_val *schema)
{
	struct buf b;
	struct err none = {0};
	yyjson_val *key, *val, *ret = NULL;
	size_t i, max;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "type", S("object"));
	if (!yyjson_is_obj(json_get(schema, S("properties"))))
		jo_kraw(&o, "properties", S("{}"));
	yyjson_obj_foreach(schema, i, max, key, val)
	{
		struct str k = json_str(key);
		if (str_eq(k, S("$schema")) || str_eq(k, S("type")) ||
		    (str_eq(k, S("properties")) && !yyjson_is_obj(val)))
			continue;
		jo_key(&o, k);
		jo_val(&o, val);
	}
	jo_obj_end(&o);
	json_parse(a, str_copy(a, buf_str(&b)), &ret, &none);
	buf_release(&b);
	return ret;
}

static struct str mcp_described(struct arena *a, struct str text)
{
	struct buf b;
	buf_init(&b, (size_t)mcp_limits.description_bytes * 4);
	foreign_add(&b, text, (size_t)mcp_limits.description_bytes);
	struct str safe = str_copy(a, buf_str(&b));
	buf_release(&b);
	return safe;
}

/* Every name that the element allows is there, or it was not there when the list was made for this very element. */
static bool mcp_covers(struct arena *a, yyjson_val *given, const struct item *list, struct str made_for)
{
	yyjson_val *allowed = json_get(given, S("allowed_tools")), *tools = json_get(list->val, S("tools")), *name,
		   *tool;
	yyjson_val *names = yyjson_is_obj(allowed) ? json_get(allowed, S("tool_names")) : allowed;
	size_t i, max, k, n;
	struct str same = mcp_made_for(a, given), rest = made_for, mine = same;
	if (str_eq(made_for, same))
		return true;
	if (made_for.p && !str_eq(str_cut(&rest, ' '), str_cut(&mine, ' ')))
		return false; /* another server under the same label */
	if (made_for.p && !yyjson_is_arr(names))
		return str_eq(rest, S("all"));
	yyjson_arr_foreach(names, i, max, name)
	{
		bool found = false;
		yyjson_arr_foreach(tools, k, n, tool) found |=
		    str_eq(json_str(json_get(tool, S("name"))), json_str(name));
		if (!found)
			return false;
	}
	return true;
}

bool mcp_offers(struct arena *a, yyjson_val *given, const struct item *list, struct hosted_function **ret, size_t *n)
{
	yyjson_val *tools = json_get(list->val, S("tools")), *one, *error = json_get(list->val, S("error"));
	struct str made_for = json_str(json_get(json_get(list->val, ITEM_OURS), S("for")));
	size_t i, max;
	bool known = made_for.n > 0;
	if ((!known && !yyjson_arr_size(tools)) || (error && !yyjson_is_null(error)) ||
	    !mcp_covers(a, given, list, known ? made_for : (struct str){0}))
		return false;
	*ret = new_array(a, struct hosted_function, yyjson_arr_size(tools) + 1);
	yyjson_arr_foreach(tools, i, max, one)
	{
		struct hosted_function *f = &(*ret)[*n];
		*f = (struct hosted_function){.name = json_str(json_get(one, S("name"))), .definition = one};
		if (!f->name.n || !mcp_allows(given, one) || (int64_t)*n >= mcp_limits.tools)
			continue;
		f->description = mcp_described(a, json_str(json_get(one, S("description"))));
		f->parameters = mcp_parameters(a, json_get(one, S("input_schema")));
		(*n)++;
	}
	return true;
}

void mcp_defined(yyjson_val *definition, uint8_t ret[32])
{
	struct str said = json_str(json_get(definition, S("description")));
	mcp_definition(json_str(json_get(definition, S("name"))), said.p ? said : S(""),
		       json_get(definition, S("input_schema")), mcp_reads(definition), ret);
}

bool mcp_repeats(yyjson_val *definition)
{
	return mcp_reads(definition);
}

/* --- calls ---------------------------------------------------------------------------------------------------------
 */

void mcp_made(struct jout *o, const struct hosted_made *m)
{
	jo_kstr(o, "approval_request_id", m->approval);
	jo_kstr(o, "arguments", m->arguments);
	jo_key(o, S("error"));
	if (m->why.p) {
		jo_obj(o);
		jo_kstr(o, "type", S("http_error"));
		jo_kint(o, "code", 424);
		jo_kstr(o, "message", m->why);
		jo_obj_end(o);
	} else {
		jo_null(o);
	}
	jo_kstr(o, "name", m->name);
	jo_knull(o, "output");
	jo_kstr(o, "server_label", m->label);
}
