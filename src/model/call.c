/* call.c - tools as functions, and calls of functions as items: names, lookups, results. */
#include <string.h>

#include "model/call_index.h"
#include "model/hosted_server.h"
#include "wire/schema.h"

enum { NAME_ROOM = 64 /* what the strictest engines take */ };

enum call_kind call_kind_of(struct str tool)
{
	enum call_kind k = 0;
	while (k < CALL_KINDS && !(call_rows[k].tool.n && str_eq(call_rows[k].tool, tool)))
		k++;
	return k == CALL_KINDS && hosted_of_type(tool) ? CALL_OURS : k;
}

enum call_kind call_kind_of_item(enum item_type type)
{
	enum call_kind k = 0;
	if (hosted_of_item(type))
		return CALL_OURS;
	while (k < CALL_KINDS && (type == ITEM_NONE || (call_rows[k].call != type && call_rows[k].output != type)))
		k++;
	return k;
}

enum item_type call_item(const struct function_tool *t)
{
	return t->hosted ? t->hosted->item : call_rows[t->kind].call;
}

struct str call_function(const struct function_tool *t)
{
	return t->hosted ? t->hosted->function : call_rows[t->kind].name;
}

/* --- names ---------------------------------------------------------------------------------------------- */

static uint32_t call_hash(struct str s)
{
	uint32_t h = 0x811c9dc5; /* FNV-1a: the same in every process, so that prompts are */
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x01000193;
	return h;
}

/* Letters, digits, '_' and '-' alone; what is too long ends in a hash of the whole. */
static struct str mangled(struct arena *a, struct str space, struct str own)
{
	struct str whole = space.n ? str_fmt(a, "%.*s__%.*s", FMT(space), FMT(own)) : own;
	bool fits = whole.n <= NAME_ROOM || !space.n; /* the client's own plain names are its own business */
	char *p = arena_bytes(a, whole.n + 1);
	for (size_t i = 0; i < whole.n; i++) {
		char c = whole.p[i], low = (char)(c | 0x20);
		bool plain = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
		p[i] = plain ? c : '_';
	}
	if (fits)
		return (struct str){p, whole.n};
	return str_fmt(a, "%.*s_%08x", NAME_ROOM - 9, p, call_hash(whole));
}

const struct function_tool *call_tool(const struct function_tool *tools, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(tools[i].name, name))
			return &tools[i];
	return NULL;
}

enum { CLOSE = 16 }; /* numbers that are tried one after the other, then those from the tools' number on */

void call_name(struct arena *a, struct function_tool *f, const struct function_tool *others, size_t n, const struct call_index *ix)
{
	struct str plain = mangled(a, f->space, f->own);
	f->name = plain;
	for (size_t i = 2; ix ? call_index_named(ix, f->name) : call_tool(others, n, f->name) != NULL; i = i == CLOSE && n > CLOSE ? n : i + 1)
		f->name = str_fmt(a, "%.*s_%zu", FMT(plain), i);
}

static bool same_call(const struct function_tool *t, const struct item *it, struct str space)
{
	const struct call_row *row = &call_rows[t->kind];
	const struct hosted_server *server = t->hosted ? t->hosted->server : NULL;
	if (server)
		return t->hosted == hosted_of_item(it->type) && str_eq(t->own, it->name) && str_eq(t->space, space) && t->definition;
	if (call_item(t) != it->type)
		return false;
	return !(row->flags & CALL_NAMED) ||
	       (str_eq(t->own.p ? t->own : t->name, it->name) && (space.n ? str_eq(t->space, space) : !t->space.n));
}

/* The first of them that it can be a call of; NULL. */
static const struct function_tool *called(const struct function_tool *tools, size_t n, const struct call_index *ix, const struct item *it,
					  struct str space)
{
	const struct function_tool *first = NULL;
	const struct hosted *ours = hosted_of_item(it->type);
	enum call_kind kind = call_kind_of_item(it->type);
	bool named = ours ? ours->server != NULL : kind < CALL_KINDS && call_rows[kind].flags & CALL_NAMED;
	if (!ix || !named) { /* of a kind that has no names there is one tool, or few */
		for (size_t i = 0; i < n; i++)
			if (same_call(&tools[i], it, space))
				return &tools[i];
		return NULL;
	}
	for (size_t at = 0; call_index_own(ix, it->name, n, &at);)
		if (same_call(&tools[at - 1], it, space))
			first = &tools[at - 1];
	return first;
}

struct str call_item_name(struct arena *a, const struct function_tool *tools, size_t n, const struct call_index *ix, const struct item *it)
{
	struct str space = json_str(json_get(it->val, S("namespace")));
	enum call_kind kind = call_kind_of_item(it->type);
	const struct hosted *ours = hosted_of_item(it->type);
	if (ours && ours->server)
		space = json_str(json_get(it->val, ours->server->label));
	const struct function_tool *t = called(tools, n, ix, it, space);
	/* The live API gives deferred functions a namespace of their own name. */
	if (!t && str_eq(space, it->name))
		space = (struct str){0};
	if (!t && !space.n)
		t = called(tools, n, ix, it, space);
	if (t)
		return t->name;
	if (ours)
		return ours->server ? mangled(a, space, it->name) : ours->function;
	if (kind < CALL_KINDS && call_rows[kind].name.n)
		return call_rows[kind].name;
	return mangled(a, space, it->name);
}

/* --- results of the history ----------------------------------------------------------------------------- */

/* What was found by a search for tools: the functions themselves are offered, so their names do. */
static struct str found_tools(struct arena *a, yyjson_val *tools)
{
	struct buf b;
	size_t i, max;
	yyjson_val *one;
	buf_init(&b, 1 << 20);
	yyjson_arr_foreach(tools, i, max, one)
	{
		struct str name = json_str(json_get(one, S("name")));
		buf_add(&b, i ? S(", ") : S("Found, and ready to be called: "));
		buf_add(&b, name.p ? name : json_str(json_get(one, S("type"))));
	}
	struct str text = b.n ? str_copy(a, buf_str(&b)) : S("No tools were found.");
	buf_release(&b);
	return text;
}

struct str call_result(struct arena *a, const struct item *it)
{
	yyjson_val *output = json_get(it->val, S("output"));
	struct str status = json_str(json_get(it->val, S("status"))), text = json_str(output);
	struct str told = json_str(json_get(json_get(it->val, ITEM_OURS), S("told")));
	if (told.p) /* we have run it */
		return told;
	switch (it->type) {
	case ITEM_SHELL_CALL_OUTPUT:
		return json_text(a, output);
	case ITEM_APPLY_PATCH_CALL_OUTPUT:
		return text.n ? str_fmt(a, "%.*s: %.*s", FMT(status), FMT(text)) : status;
	case ITEM_TOOL_SEARCH_OUTPUT:
		return found_tools(a, json_get(it->val, S("tools")));
	default:
		return hosted_of_item(it->type) ? hosted_told(a, it) : (struct str){0};
	}
}

/* --- what a model has called ---------------------------------------------------------------------------- */

bool call_fits(const struct function_tool *t, yyjson_val *args, struct err *e)
{
	struct err why = {0};
	bool loose = t->kind == CALL_TOOL_SEARCH; /* the client's own parameters are its own to check */
	if (yyjson_is_obj(args) && (loose || schema_fits(t->parameters, args, &why)))
		return true;
	return fail(e, ERR_ENGINE, NULL, "The model's call of '%.*s' cannot be understood: %s", FMT(t->name),
		    why.msg[0] ? why.msg : "its arguments are no object");
}
