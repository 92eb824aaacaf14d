/* grammar_lark.c - a Lark grammar as rules. */
#include <string.h>

#include "engine/grammar_regex.h"
#include "engine/grammar_tree.h"

enum { LARK_DEPTH = 50, REPEATS = 1000 };

enum token_kind { T_END, T_LINE, T_NAME, T_STRING, T_REGEX, T_NUMBER, T_PERCENT, T_ARROW, T_DOTS, T_SIGN };
struct token {
	enum token_kind kind;
	struct str text;  /* of a string or regex: what stands between the marks, as it is written */
	struct str flags; /* behind them */
};

struct lark {
	struct grammar *g;
	struct str rest;
	struct token now;
	struct node *ignored; /* NULL: nothing is */
	int ignore;           /* the rule of what is ignored; -1 */
	bool terminal;        /* of the rule that is read */
	int depth;
};

/* Lark's own terminals (grammars/common.lark), as what they match. */
static const struct {
	const char *name, *regex;
} common[] = {
	{"DIGIT", "[0-9]"},
	{"HEXDIGIT", "[0-9a-fA-F]"},
	{"INT", "[0-9]+"},
	{"SIGNED_INT", "[+-]?[0-9]+"},
	{"DECIMAL", "[0-9]+\\.[0-9]*|\\.[0-9]+"},
	{"FLOAT", "[0-9]+[eE][+-]?[0-9]+|([0-9]+\\.[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?"},
	{"SIGNED_FLOAT", "[+-]?([0-9]+[eE][+-]?[0-9]+|([0-9]+\\.[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?)"},
	{"NUMBER", "[0-9]+(\\.[0-9]*)?([eE][+-]?[0-9]+)?|\\.[0-9]+([eE][+-]?[0-9]+)?"},
	{"SIGNED_NUMBER", "[+-]?([0-9]+(\\.[0-9]*)?([eE][+-]?[0-9]+)?|\\.[0-9]+([eE][+-]?[0-9]+)?)"},
	{"ESCAPED_STRING", "\"([^\"\\\\\\n]|\\\\[^\\n])*\""},
	{"LCASE_LETTER", "[a-z]"},
	{"UCASE_LETTER", "[A-Z]"},
	{"LETTER", "[A-Za-z]"},
	{"WORD", "[A-Za-z]+"},
	{"CNAME", "[_A-Za-z][_A-Za-z0-9]*"},
	{"WS_INLINE", "[ \\t]+"},
	{"WS", "[ \\t\\f\\r\\n]+"},
	{"CR", "\\r"},
	{"LF", "\\n"},
	{"NEWLINE", "(\\r?\\n)+"},
	{"SH_COMMENT", "#[^\\n]*"},
	{"CPP_COMMENT", "//[^\\n]*"},
	{"SQL_COMMENT", "--[^\\n]*"},
	{"C_COMMENT", "/\\*([^*]|\\*+[^*/])*\\*+/"},
};

/* --- tokens ------------------------------------------------------------------------------------------------ */

static bool grammar_lark_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void grammar_lark_drop(struct lark *l, size_t n)
{
	l->rest.p += n;
	l->rest.n -= n;
}

static size_t letters(struct str s)
{
	size_t n = 0;
	while (n < s.n && ((s.p[n] | 0x20) >= 'a' && (s.p[n] | 0x20) <= 'z'))
		n++;
	return n;
}

/* Text between two marks, in which a backslash takes the next byte with it. */
static bool grammar_lark_quoted(struct lark *l, enum token_kind kind, char mark)
{
	size_t i = 1;
	while (i < l->rest.n && l->rest.p[i] != mark && l->rest.p[i] != '\n')
		i += l->rest.p[i] == '\\' ? 2 : 1;
	if (i >= l->rest.n || l->rest.p[i] != mark) {
		l->now = (struct token){.kind = T_END}; /* whoever waits for something else stops here */
		l->rest.n = 0;
		return grammar_give_up(l->g, "an open string or regular expression") != NULL;
	}
	l->now = (struct token){kind, {l->rest.p + 1, i - 1}, {0}};
	grammar_lark_drop(l, i + 1);
	size_t n = letters(l->rest);
	l->now.flags = (struct str){l->rest.p, n};
	grammar_lark_drop(l, n);
	return true;
}

static void skip_blank(struct lark *l)
{
	for (;;) {
		if (l->rest.n && strchr(" \t\r\f", l->rest.p[0]) && l->rest.p[0])
			grammar_lark_drop(l, 1);
		else if (str_starts(l->rest, S("//")) || str_starts(l->rest, S("#")))
			grammar_lark_drop(l, str_find(l->rest, '\n'));
		else
			return;
	}
}

/* The next token into l->now. */
static bool next(struct lark *l)
{
	skip_blank(l);
	if (!l->rest.n) {
		l->now = (struct token){.kind = T_END};
		return true;
	}
	char c = l->rest.p[0];
	size_t n = 1;
	enum token_kind kind = T_SIGN;
	if (c == '"')
		return grammar_lark_quoted(l, T_STRING, c);
	if (c == '/')
		return grammar_lark_quoted(l, T_REGEX, c);
	if (c == '\n') {
		kind = T_LINE;
	} else if (str_starts(l->rest, S("->"))) {
		kind = T_ARROW;
		n = 2;
	} else if (str_starts(l->rest, S(".."))) {
		kind = T_DOTS;
		n = 2;
	} else if (grammar_lark_name_char(c) || c == '%') {
		kind = c == '%' ? T_PERCENT : c >= '0' && c <= '9' ? T_NUMBER : T_NAME;
		while (n < l->rest.n && grammar_lark_name_char(l->rest.p[n]))
			n++;
	}
	l->now = (struct token){kind, {l->rest.p, n}, {0}};
	grammar_lark_drop(l, n);
	return true;
}

static bool is_sign(const struct lark *l, char c)
{
	return l->now.kind == T_SIGN && l->now.text.p[0] == c;
}

static bool accept(struct lark *l, char c)
{
	return is_sign(l, c) && next(l);
}

/* --- expansions -------------------------------------------------------------------------------------------- */

static struct node *expansions(struct lark *l);

/* What a string says: its escapes are those of a regular expression, its other characters stand for themselves. */
static struct node *string(struct lark *l, struct token t)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < t.text.n; i++) {
		char c = t.text.p[i];
		if (c == '\\' && i + 1 < t.text.n) {
			char after = t.text.p[++i];
			buf_byte(&b, '\\');
			buf_byte(&b, after);
		} else {
			if (strchr("^$.*+?()[]{}|", c) && c)
				buf_byte(&b, '\\');
			buf_byte(&b, c);
		}
	}
	struct str pattern = str_copy(l->g->a, buf_str(&b));
	buf_release(&b);
	return pattern.n ? grammar_regex(l->g, pattern, t.flags) : grammar_give_up(l->g, "an empty string");
}

/* "a".."z" */
static struct node *string_range(struct lark *l, struct token from, struct token to)
{
	struct node *n = node_new(l->g, NODE_SET);
	if (from.text.n != 1 || to.text.n != 1 || to.text.p[0] < from.text.p[0] || ((from.text.p[0] | to.text.p[0]) & 0x80))
		return grammar_give_up(l->g, "a range of strings");
	node_range_add(l->g, n, (unsigned char)from.text.p[0], (unsigned char)to.text.p[0]);
	return n;
}

/* A token of a rule has behind it what is ignored. */
static struct node *as_token(struct lark *l, struct node *n)
{
	if (l->terminal || l->ignore < 0 || !n)
		return n;
	struct node *all = node_new(l->g, NODE_ALL), *ignore = node_new(l->g, NODE_RULE);
	ignore->rule = l->ignore;
	node_add(all, n);
	node_add(all, ignore);
	return all;
}

static bool is_terminal(struct str name)
{
	while (name.n && name.p[0] == '_') {
		name.p++;
		name.n--;
	}
	return name.n && name.p[0] >= 'A' && name.p[0] <= 'Z';
}

static struct node *grammar_lark_named(struct lark *l, struct str name)
{
	struct node *n = node_new(l->g, NODE_RULE);
	bool terminal = is_terminal(name);
	if (l->terminal && !terminal)
		return grammar_give_up(l->g, "a rule inside a terminal");
	n->rule = grammar_rule(l->g, name);
	return terminal ? as_token(l, n) : n;
}

static struct node *bracket(struct lark *l, char close)
{
	if (++l->depth > LARK_DEPTH)
		return grammar_give_up(l->g, "brackets that deep");
	struct node *n = expansions(l);
	l->depth--;
	if (!n)
		return NULL;
	if (!accept(l, close))
		return grammar_give_up(l->g, "an open bracket");
	return close == ']' ? node_repeat(l->g, n, 0, 1) : n;
}

static struct node *grammar_lark_atom(struct lark *l)
{
	struct token t = l->now;
	if (!next(l))
		return NULL;
	switch (t.kind) {
	case T_NAME:
		if (is_sign(l, '{'))
			return grammar_give_up(l->g, "a template");
		return grammar_lark_named(l, t.text);
	case T_STRING:
		if (l->now.kind != T_DOTS)
			return as_token(l, string(l, t));
		if (!next(l) || l->now.kind != T_STRING)
			return grammar_give_up(l->g, "a range of strings");
		struct token to = l->now;
		return next(l) ? as_token(l, string_range(l, t, to)) : NULL;
	case T_REGEX:
		return as_token(l, grammar_regex(l->g, t.text, t.flags));
	case T_SIGN:
		if (t.text.p[0] == '(')
			return bracket(l, ')');
		if (t.text.p[0] == '[')
			return bracket(l, ']');
		/* fall through */
	default:
		return grammar_give_up(l->g, "what stands in a rule");
	}
}

/* ~3 or ~1..3 */
static struct node *times(struct lark *l, struct node *n)
{
	int64_t from, to;
	if (l->now.kind != T_NUMBER || !str_int(l->now.text, &from) || !next(l))
		return grammar_give_up(l->g, "a number of repetitions");
	to = from;
	if (l->now.kind == T_DOTS) {
		if (!next(l) || l->now.kind != T_NUMBER || !str_int(l->now.text, &to) || !next(l))
			return grammar_give_up(l->g, "a number of repetitions");
	}
	if (to < from || to > REPEATS)
		return grammar_give_up(l->g, "a number of repetitions");
	return node_repeat(l->g, n, (int)from, (int)to);
}

static struct node *grammar_lark_piece(struct lark *l)
{
	struct node *n = grammar_lark_atom(l);
	if (n && accept(l, '?'))
		n = node_repeat(l->g, n, 0, 1);
	else if (n && accept(l, '*'))
		n = node_repeat(l->g, n, 0, GRAMMAR_ENDLESS);
	else if (n && accept(l, '+'))
		n = node_repeat(l->g, n, 1, GRAMMAR_ENDLESS);
	else if (n && accept(l, '~'))
		n = times(l, n);
	return n;
}

/* Is the next line with anything on it a further alternative? Then we are there. */
static bool goes_on(struct lark *l)
{
	struct lark ahead = *l;
	while (ahead.now.kind == T_LINE)
		if (!next(&ahead))
			return false;
	bool more = is_sign(&ahead, '|') || (l->depth && ahead.now.kind != T_END);
	if (more) {
		l->rest = ahead.rest;
		l->now = ahead.now;
	}
	return more;
}

static bool sequence_over(struct lark *l)
{
	if (l->now.kind == T_LINE && l->depth && goes_on(l))
		return sequence_over(l);
	return l->now.kind == T_LINE || l->now.kind == T_END || l->now.kind == T_ARROW || is_sign(l, '|') || is_sign(l, ')') ||
	       is_sign(l, ']');
}

static struct node *expansions(struct lark *l)
{
	struct node *any = node_new(l->g, NODE_ANY);
	do {
		struct node *all = node_new(l->g, NODE_ALL);
		node_add(any, all);
		while (!sequence_over(l)) {
			struct node *n = grammar_lark_piece(l);
			if (!n || l->g->e->code)
				return NULL;
			node_add(all, n);
		}
		if (l->now.kind == T_ARROW && (!next(l) || !next(l))) /* an alias: its name */
			return NULL;
		if (l->now.kind == T_LINE)
			goes_on(l);
	} while (accept(l, '|'));
	return l->g->e->code ? NULL : any;
}

/* --- statements --------------------------------------------------------------------------------------------- */

static bool rule(struct lark *l)
{
	while (is_sign(l, '?') || is_sign(l, '!'))
		next(l);
	if (l->now.kind != T_NAME)
		return grammar_give_up(l->g, "what is no rule") != NULL;
	struct str name = l->now.text;
	next(l);
	if (accept(l, '.')) /* a priority says nothing here */
		next(l);
	if (!accept(l, ':'))
		return grammar_give_up(l->g, "a rule without a colon") != NULL;
	int at = grammar_rule(l->g, name);
	if (at < 0 || l->g->rules[at].body)
		return grammar_give_up(l->g, "a rule that stands there twice") != NULL;
	l->terminal = l->g->rules[at].terminal = is_terminal(name);
	l->g->rules[at].body = expansions(l);
	return l->g->rules[at].body != NULL;
}

static bool import_one(struct lark *l, struct str name, struct str as)
{
	for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
		if (!str_eq(name, str_of(common[i].name)))
			continue;
		int at = grammar_rule(l->g, as);
		if (at < 0 || l->g->rules[at].body)
			return grammar_give_up(l->g, "a name that stands there twice") != NULL;
		l->g->rules[at].terminal = true;
		l->g->rules[at].body = grammar_regex(l->g, str_of(common[i].regex), S(""));
		return l->g->rules[at].body != NULL;
	}
	return grammar_give_up(l->g, "an import that is not of Lark's common terminals") != NULL;
}

/* %import common.WS -> SPACE, %import common (A, B) */
static bool import(struct lark *l)
{
	if (l->now.kind != T_NAME || !str_eq(l->now.text, S("common")))
		return grammar_give_up(l->g, "an import that is not of Lark's common terminals") != NULL;
	next(l);
	if (accept(l, '(')) {
		while (l->now.kind == T_NAME || is_sign(l, ',')) {
			if (l->now.kind == T_NAME && !import_one(l, l->now.text, l->now.text))
				return false;
			next(l);
		}
		return accept(l, ')') || grammar_give_up(l->g, "an open bracket");
	}
	if (!accept(l, '.') || l->now.kind != T_NAME)
		return grammar_give_up(l->g, "an import that is not of Lark's common terminals") != NULL;
	struct str name = l->now.text, as = name;
	next(l);
	if (l->now.kind == T_ARROW) {
		next(l);
		as = l->now.text;
		next(l);
	}
	return import_one(l, name, as);
}

static bool ignore(struct lark *l)
{
	l->terminal = true; /* nothing is ignored behind it */
	struct node *n = expansions(l);
	if (n)
		node_add(l->ignored, n);
	return n != NULL;
}

static bool statement(struct lark *l)
{
	struct token t = l->now;
	if (t.kind != T_PERCENT)
		return rule(l);
	next(l);
	if (str_eq(t.text, S("%import")))
		return import(l);
	if (str_eq(t.text, S("%ignore")))
		return ignore(l);
	return grammar_give_up(l->g, "a directive other than %import and %ignore") != NULL;
}

/* What is ignored anywhere is so everywhere: it must be known that there is something before the rules are read. */
static bool ignores(struct str text)
{
	return memmem(text.p, text.n, "%ignore", 7) != NULL;
}

bool grammar_lark(struct grammar *g, struct str text)
{
	struct lark l = {.g = g, .rest = text, .ignore = -1};
	int root = grammar_rule(g, S("root of all")); /* no name of a grammar's */
	if (ignores(text)) {
		l.ignore = grammar_rule(g, S("what is ignored"));
		l.ignored = node_new(g, NODE_ANY);
	}
	next(&l);
	while (l.now.kind != T_END && !g->e->code) {
		if (l.now.kind == T_LINE)
			next(&l);
		else if (!statement(&l) || (l.now.kind != T_LINE && l.now.kind != T_END))
			return grammar_give_up(g, "what stands behind a rule") != NULL;
	}
	struct node *all = node_new(g, NODE_ALL), *start = node_new(g, NODE_RULE), *before = node_new(g, NODE_RULE);
	if (l.ignore >= 0) {
		g->rules[l.ignore].body = l.ignored->child ? node_repeat(g, l.ignored, 0, GRAMMAR_ENDLESS) : node_text(g, S(""));
		before->rule = l.ignore;
		node_add(all, before);
	}
	start->rule = grammar_rule(g, S("start"));
	node_add(all, start);
	g->rules[root].body = all;
	return !g->e->code;
}
