/* call_input.c - a string of a call's arguments, while it comes and when it is whole. */
#include "model/call_input.h"

#include <string.h>

#include "wire/pattern.h"

enum { PATTERN_BUDGET = 4000000 /* steps; a few hundredths of a second */ };

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
