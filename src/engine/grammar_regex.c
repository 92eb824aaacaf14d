/* grammar_regex.c - a regular expression as a tree. */
#include <string.h>

#include "engine/grammar_tree.h"
#include "wire/pattern.h"

enum { DEPTH = 50, MOST = 1000 };

struct regex {
	struct grammar *g;
	struct str rest;
	bool no_case, dot_all;
	int depth;
};

static const struct node_range digits[] = {{'0', '9'}};
static const struct node_range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct node_range spaces[] = {{9, 13}, {' ', ' '}, {0xa0, 0xa0}};
static const struct node_range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

static struct node *grammar_regex_alternatives(struct regex *r);

static bool grammar_regex_taken(struct regex *r, struct str what)
{
	if (!str_starts(r->rest, what))
		return false;
	r->rest.p += what.n;
	r->rest.n -= what.n;
	return true;
}

static void add_all(struct regex *r, struct node *set, const struct node_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		node_range_add(r->g, set, ranges[i].lo, ranges[i].hi);
}

/* All that the ranges, which are in order, leave out. */
static void add_others(struct regex *r, struct node *set, const struct node_range *ranges, size_t n)
{
	uint32_t from = 1; /* a text for an engine has no zero byte */
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].lo > from)
			node_range_add(r->g, set, from, ranges[i].lo - 1);
		from = ranges[i].hi + 1;
	}
	node_range_add(r->g, set, from, 0x10ffff);
}

/* \d and the like: adds to the set. */
static bool class_escape(struct regex *r, char c, struct node *set)
{
	static const struct {
		char name;
		const struct node_range *ranges;
		size_t n;
	} rows[] = {{'d', digits, 1}, {'w', words, 4}, {'s', spaces, 3}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (c == rows[i].name)
			add_all(r, set, rows[i].ranges, rows[i].n);
		else if ((c | 0x20) == rows[i].name)
			add_others(r, set, rows[i].ranges, rows[i].n);
		else
			continue;
		return true;
	}
	return false;
}

static bool hex(struct regex *r, size_t n, uint32_t *ret)
{
	*ret = 0;
	if (r->rest.n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = r->rest.p[i];
		int v = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
		if (v < 0)
			return false;
		*ret = *ret << 4 | (uint32_t)v;
	}
	r->rest.p += n;
	r->rest.n -= n;
	return true;
}

/* Behind a backslash: one code point. */
static bool point_escape(struct regex *r, uint32_t *ret)
{
	static const char names[] = "nrtfv0", values[] = "\n\r\t\f\v";
	if (!r->rest.n)
		return grammar_give_up(r->g, "a backslash at the end") != NULL;
	uint32_t c = pattern_point(&r->rest);
	const char *at = c && c < 128 ? strchr(names, (int)c) : NULL;
	bool digit = r->rest.n && r->rest.p[0] >= '0' && r->rest.p[0] <= '9';
	*ret = c;
	if (at && !(c == '0' && digit))
		*ret = (unsigned char)values[at - names];
	else if (c == 'x' || c == 'u')
		return hex(r, c == 'x' ? 2 : 4, ret) || grammar_give_up(r->g, "an escape");
	else if (c < 128 && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
		return grammar_give_up(r->g, "an escape") != NULL;
	return true;
}

/* One end of a range, or a class by itself (*whole). */
static bool set_member(struct regex *r, struct node *set, uint32_t *c, bool *whole)
{
	*whole = false;
	if (!grammar_regex_taken(r, S("\\"))) {
		*c = pattern_point(&r->rest);
		return true;
	}
	if (r->rest.n && class_escape(r, r->rest.p[0], set)) {
		r->rest.p++;
		r->rest.n--;
		*whole = true;
		return true;
	}
	if (grammar_regex_taken(r, S("b"))) {
		*c = '\b';
		return true;
	}
	return point_escape(r, c);
}

static struct node *set(struct regex *r)
{
	struct node *n = node_new(r->g, NODE_SET);
	n->negated = grammar_regex_taken(r, S("^"));
	for (bool first = true;; first = false) {
		uint32_t lo, hi;
		bool whole;
		if (!r->rest.n)
			return grammar_give_up(r->g, "an open character class");
		if (!first && grammar_regex_taken(r, S("]")))
			break;
		if (first && grammar_regex_taken(r, S("]"))) /* [] and [^] differ between dialects */
			return grammar_give_up(r->g, "an empty character class");
		if (!set_member(r, n, &lo, &whole))
			return NULL;
		hi = lo;
		if (!whole && r->rest.n > 1 && r->rest.p[0] == '-' && r->rest.p[1] != ']') {
			grammar_regex_taken(r, S("-"));
			if (!set_member(r, n, &hi, &whole))
				return NULL;
			if (whole || hi < lo)
				return grammar_give_up(r->g, "a range of characters");
		} else if (whole) {
			continue;
		}
		node_range_add(r->g, n, lo, hi);
	}
	return n;
}

static struct node *grammar_regex_group(struct regex *r)
{
	if (grammar_regex_taken(r, S("?")) && !grammar_regex_taken(r, S(":"))) {
		if (!grammar_regex_taken(r, S("P<")) && !grammar_regex_taken(r, S("<")))
			return grammar_give_up(r->g, "a group that begins with (?");
		if (r->rest.n && (r->rest.p[0] == '=' || r->rest.p[0] == '!'))
			return grammar_give_up(r->g, "look-behind");
		str_cut(&r->rest, '>');
	}
	struct node *n = grammar_regex_alternatives(r);
	if (n && !grammar_regex_taken(r, S(")")))
		return grammar_give_up(r->g, "an open group");
	return n;
}

static struct node *escape(struct regex *r)
{
	struct node *n = node_new(r->g, NODE_SET);
	uint32_t c;
	if (r->rest.n && class_escape(r, r->rest.p[0], n)) {
		r->rest.p++;
		r->rest.n--;
		return n;
	}
	if (!point_escape(r, &c))
		return NULL;
	node_range_add(r->g, n, c, c);
	return n;
}

static struct node *grammar_regex_atom(struct regex *r)
{
	if (grammar_regex_taken(r, S("(")))
		return grammar_regex_group(r);
	if (grammar_regex_taken(r, S("[")))
		return set(r);
	if (grammar_regex_taken(r, S("\\")))
		return escape(r);
	if (!r->rest.p[0])
		return grammar_give_up(r->g, "the character NUL");
	if (char_in(r->rest.p[0], "*+?") || r->rest.p[0] == '^' || r->rest.p[0] == '$')
		return grammar_give_up(r->g, "an anchor inside, or a quantifier of nothing");
	struct node *n = node_new(r->g, NODE_SET);
	uint32_t c = pattern_point(&r->rest);
	if (c == '.') {
		n->negated = !r->dot_all;
		if (r->dot_all)
			node_range_add(r->g, n, 1, 0x10ffff);
		else
			add_all(r, n, line_ends, 3);
	} else {
		node_range_add(r->g, n, c, c);
	}
	return n;
}

/* {m}, {m,} or {m,n}; anything else in braces is text. */
static bool grammar_regex_counted(struct regex *r, int *min, int *max)
{
	struct str rest = r->rest;
	if (!rest.n || rest.p[0] != '{' || str_find(rest, '}') == rest.n)
		return false;
	struct str inside = str_cut(&rest, '}'), low;
	int64_t from, to;
	inside.p++;
	inside.n--;
	bool comma = str_find(inside, ',') < inside.n;
	low = str_cut(&inside, ',');
	if (!str_int(low, &from) || from < 0)
		return false;
	to = from;
	if (comma && inside.n && (!str_int(inside, &to) || to < from))
		return false;
	*min = from > MOST ? MOST + 1 : (int)from;
	*max = comma && !inside.n ? GRAMMAR_ENDLESS : to > MOST ? MOST + 1 : (int)to;
	r->rest = rest;
	return true;
}

static struct node *grammar_regex_piece(struct regex *r)
{
	struct node *n = grammar_regex_atom(r);
	int min, max;
	while (n) {
		if (grammar_regex_taken(r, S("*")))
			n = node_repeat(r->g, n, 0, GRAMMAR_ENDLESS);
		else if (grammar_regex_taken(r, S("+")))
			n = node_repeat(r->g, n, 1, GRAMMAR_ENDLESS);
		else if (grammar_regex_taken(r, S("?")))
			n = node_repeat(r->g, n, 0, 1);
		else if (grammar_regex_counted(r, &min, &max))
			n = min > MOST || max > MOST ? grammar_give_up(r->g, "a repetition of more than 1000") : node_repeat(r->g, n, min, max);
		else
			break;
		grammar_regex_taken(r, S("?")); /* a lazy one means the same */
		if (r->rest.n && char_in(r->rest.p[0], "*+?"))
			return grammar_give_up(r->g, "a quantifier of a quantifier");
	}
	return n;
}

static struct node *grammar_regex_alternatives(struct regex *r)
{
	struct node *any = node_new(r->g, NODE_ANY);
	bool top = r->depth == 0;
	if (++r->depth > DEPTH)
		return grammar_give_up(r->g, "groups that deep");
	do {
		struct node *all = node_new(r->g, NODE_ALL);
		node_add(any, all);
		if (top)
			grammar_regex_taken(r, S("^"));
		while (r->rest.n && r->rest.p[0] != '|' && r->rest.p[0] != ')') {
			if (top && (str_eq(r->rest, S("$")) || str_starts(r->rest, S("$|")))) {
				grammar_regex_taken(r, S("$"));
				break;
			}
			struct node *n = grammar_regex_piece(r);
			if (!n || r->g->e->code)
				return NULL;
			node_add(all, n);
		}
	} while (grammar_regex_taken(r, S("|")));
	r->depth--;
	return any;
}

struct node *grammar_regex(struct grammar *g, struct str pattern, struct str flags)
{
	struct regex r = {.g = g, .rest = pattern};
	for (size_t i = 0; i < flags.n; i++) {
		r.no_case |= flags.p[i] == 'i';
		r.dot_all |= flags.p[i] == 's';
		if (!char_in(flags.p[i], "isu"))
			return grammar_give_up(g, "a flag of a regular expression");
	}
	struct node *n = grammar_regex_alternatives(&r);
	if (n && r.rest.n)
		return grammar_give_up(g, "a parenthesis that nothing opens");
	if (n && r.no_case)
		node_no_case(g, n);
	return g->e->code ? NULL : n;
}
