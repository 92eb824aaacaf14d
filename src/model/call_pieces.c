/* call_pieces.c - what can be told of a call's arguments while they come. */
#include "model/call_pieces.h"

#include <string.h>

#include "wire/json.h"

static size_t pieces_skip(struct str s, size_t at)
{
	while (at < s.n && char_in(s.p[at], " \t\r\n"))
		at++;
	return at;
}

/* Where the value begins in {"member": "... or {"member": [...; 0: not yet, or never. */
static size_t pieces_begin(struct str s, struct str member, struct str open)
{
	const struct str tokens[] = {S("{"), S("\""), member, S("\""), S(":"), open};
	size_t at = 0;
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		if (i != 2 && i != 3) /* inside the name no blank may stand */
			at = pieces_skip(s, at);
		if (s.n - at < tokens[i].n || memcmp(s.p + at, tokens[i].p, tokens[i].n) != 0)
			return 0;
		at += tokens[i].n;
	}
	return at;
}

/* Bytes of the escape at the head of `s`, once it is whole; 0: not yet. A high surrogate takes its other half along. */
static size_t pieces_escape(struct str s)
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
static bool pieces_unescape(struct str s, struct buf *out)
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
		*at = pieces_begin(s, member, S("\""));
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
		size_t n = pieces_escape(rest);
		if (n == 0 || !pieces_unescape((struct str){rest.p, n}, out))
			return; /* more must come; what never makes sense is settled at the end */
		*at += n;
	}
}

enum call_list_news call_list_next(struct str s, struct str member, struct call_list *l, struct buf *out)
{
	size_t from = out->n;
	if (!l->at)
		l->at = pieces_begin(s, member, S("["));
	if (!l->at)
		return LIST_WAITS;
	if (!l->inside) {
		size_t at = pieces_skip(s, l->at);
		if (at < s.n && s.p[at] == ',')
			at = pieces_skip(s, at + 1);
		if (at == s.n || s.p[at] != '"')
			return LIST_WAITS; /* for ever, where the list is over */
		l->at = at + 1;
		l->inside = true;
		return LIST_BEGINS;
	}
	call_text_more(s, member, &l->at, out);
	if (out->n > from)
		return LIST_GOES_ON;
	if (l->at == s.n || s.p[l->at] != '"')
		return LIST_WAITS;
	l->at++;
	l->inside = false;
	return LIST_ENDS;
}
