/* call.c - tools as functions, and calls of functions as items: names, lookups, results. */
#include <string.h>

#include "model/hosted_server.h"

#include "wire/pattern.h"
#include "wire/schema.h"

enum {
	NAME_ROOM = 64,           /* what the strictest engines take */
	PATTERN_BUDGET = 4000000, /* steps; a few hundredths of a second */
};

enum call_kind call_kind_of(struct str tool)
{
	enum call_kind k = 0;
	if (hosted_of_type(tool))
		return CALL_OURS;
	while (k < CALL_KINDS && !(call_rows[k].tool.n && str_eq(call_rows[k].tool, tool)))
		k++;
	return k;
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

void call_name(struct arena *a, struct function_tool *f, const struct function_tool *others, size_t n)
{
	struct str plain = mangled(a, f->space, f->own);
	f->name = plain;
	for (int i = 2; call_tool(others, n, f->name); i++)
		f->name = str_fmt(a, "%.*s_%d", FMT(plain), i);
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

struct str call_item_name(struct arena *a, const struct function_tool *tools, size_t n, const struct item *it)
{
	struct str space = json_str(json_get(it->val, S("namespace")));
	enum call_kind kind = call_kind_of_item(it->type);
	const struct hosted *ours = hosted_of_item(it->type);
	if (ours && ours->server)
		space = json_str(json_get(it->val, ours->server->label));
	for (size_t i = 0; i < n; i++)
		if (same_call(&tools[i], it, space))
			return tools[i].name;
	/* The live API gives deferred functions a namespace of their own name. */
	if (str_eq(space, it->name))
		space = (struct str){0};
	for (size_t i = 0; i < n && !space.n; i++)
		if (same_call(&tools[i], it, space))
			return tools[i].name;
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

/* {"input": "..."}; models that were told nothing else also write one member of another name, or a string. */
static struct str input_of(struct arena *a, struct str arguments)
{
	struct err ignored = {0};
	yyjson_val *v = NULL, *input;
	if (!json_parse(a, arguments, &v, &ignored))
		return arguments;
	input = yyjson_is_obj(v) ? json_get(v, S("input")) : v;
	if (!input && yyjson_obj_size(v) == 1)
		input = yyjson_obj_iter_get_val(unsafe_yyjson_get_first(v));
	return yyjson_is_str(input) ? json_str(input) : arguments;
}

/* --- a string as it comes ---------------------------------------------------------------------------------- */

static size_t skip_space(struct str s, size_t at)
{
	while (at < s.n && char_in(s.p[at], " \t\r\n"))
		at++;
	return at;
}

/* Where the string begins in {"member": "...; 0: not yet, or never. */
static size_t string_begin(struct str s, struct str member)
{
	const struct str tokens[] = {S("{"), S("\""), member, S("\""), S(":"), S("\"")};
	size_t at = 0;
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		if (i != 2 && i != 3) /* inside the name no blank may stand */
			at = skip_space(s, at);
		if (s.n - at < tokens[i].n || memcmp(s.p + at, tokens[i].p, tokens[i].n) != 0)
			return 0;
		at += tokens[i].n;
	}
	return at;
}

/* Bytes of the escape at the head of `s`, once it is whole; 0: not yet. A high surrogate takes its other half along. */
static size_t escape_length(struct str s)
{
	if (s.n < 2)
		return 0;
	if (s.p[1] != 'u')
		return 2;
	if (s.n < 6)
		return 0;
	if ((s.p[2] | 0x20) != 'd' || !char_in(s.p[3], "89abAB"))
		return 6;
	return s.n < 12 ? 0 : 12;
}

/* False: no escape of JSON. */
static bool call_unescape(struct str s, struct buf *out)
{
	char json[16] = {'"'}, room[1024];
	yyjson_alc alc;
	memcpy(json + 1, s.p, s.n);
	json[s.n + 1] = '"';
	yyjson_alc_pool_init(&alc, room, sizeof room);
	yyjson_doc *doc = yyjson_read_opts(json, s.n + 2, YYJSON_READ_NOFLAG, &alc, NULL);
	if (doc)
		buf_add(out, json_str(yyjson_doc_get_root(doc)));
	return doc != NULL;
}

void call_text_more(struct str s, struct str member, size_t *at, struct buf *out)
{
	if (*at == 0)
		*at = string_begin(s, member);
	while (*at > 0 && *at < s.n && s.p[*at] != '"') {
		struct str rest = {s.p + *at, s.n - *at};
		size_t plain = 0;
		while (plain < rest.n && rest.p[plain] != '"' && rest.p[plain] != '\\')
			plain++;
		buf_add(out, (struct str){rest.p, plain});
		*at += plain;
		if (plain == rest.n || rest.p[plain] == '"')
			return;
		rest = (struct str){rest.p + plain, rest.n - plain};
		size_t n = escape_length(rest);
		if (n == 0 || !call_unescape((struct str){rest.p, n}, out))
			return; /* more must come; what never makes sense is settled at the end */
		*at += n;
	}
}

struct str call_untold(struct str told, struct str input)
{
	return str_starts(input, told) ? (struct str){input.p + told.n, input.n - told.n} : input;
}

bool call_input(struct arena *a, const struct function_tool *t, struct str arguments, struct str *ret, struct err *e)
{
	yyjson_val *format = json_get(t->given, S("format"));
	struct str syntax = json_str(json_get(format, S("syntax"))), expr = json_str(json_get(format, S("definition")));
	size_t budget = PATTERN_BUDGET;
	struct str input = input_of(a, arguments);
	if (str_eq(syntax, S("regex")) &&
	    pattern_find(str_fmt(a, "^(?:%.*s)$", FMT(expr)), input, &budget) == PATTERN_NO)
		return fail(e, ERR_ENGINE, NULL, "The model's input for the tool '%.*s' does not match its grammar.",
			    FMT(t->own));
	*ret = input;
	return true;
}
