/* grammar.c - grammars of custom tools in the form that engines take: GBNF, and the reply by it. */
#include "engine/grammar.h"

#include <string.h>

#include "engine/grammar_lark.h"
#include "engine/grammar_regex.h"
#include "engine/prompt_tidy.h"
#include "wire/json.h"

enum {
	WEIGHT = 50000,    /* pieces once all repetitions are written out, as llama.cpp does it */
	GBNF_MAX = 1 << 20,
	DEFINITION_MAX = 1 << 18,
	TREE_DEPTH = 400,
};

/* --- what engines would refuse ------------------------------------------------------------------------------ */

struct check {
	struct grammar *g;
	bool nullable[GRAMMAR_RULES];
	uint8_t seen[GRAMMAR_RULES]; /* 1: on the way, 2: done */
	int depth;
};

static bool nullable(const struct check *c, const struct node *n)
{
	const struct node *k;
	switch (n->kind) {
	case NODE_TEXT:
		return n->text.n == 0;
	case NODE_SET:
		return false;
	case NODE_RULE:
		return c->nullable[n->rule];
	case NODE_REPEAT:
		return n->min == 0 || nullable(c, n->child);
	case NODE_ANY:
		for (k = n->child; k; k = k->next)
			if (nullable(c, k))
				return true;
		return n->child == NULL;
	case NODE_ALL:
		for (k = n->child; k; k = k->next)
			if (!nullable(c, k))
				return false;
		return true;
	}
	return false;
}

static void find_nullable(struct check *c)
{
	for (bool more = true; more;) {
		more = false;
		for (int i = 0; i < c->g->n; i++)
			if (!c->nullable[i] && c->g->rules[i].body && nullable(c, c->g->rules[i].body))
				c->nullable[i] = more = true;
	}
}

static bool rule_ends(struct check *c, int rule);

/* Follows what may stand first; false: it comes back to itself, or is not there. An endless repetition of what may be
 * nothing comes back to itself, too. */
static bool first_ends(struct check *c, const struct node *n)
{
	bool ok = true;
	if (++c->depth > TREE_DEPTH)
		return grammar_give_up(c->g, "rules that deep") != NULL;
	if (n->kind == NODE_RULE)
		ok = rule_ends(c, n->rule);
	else if (n->kind == NODE_REPEAT && n->max == GRAMMAR_ENDLESS && nullable(c, n->child))
		ok = grammar_give_up(c->g, "an endless repetition of what may be nothing");
	for (const struct node *k = n->child; k && ok; k = k->next) {
		ok = first_ends(c, k);
		if (n->kind == NODE_ALL && !nullable(c, k))
			break;
	}
	c->depth--;
	return ok;
}

static bool rule_ends(struct check *c, int rule)
{
	if (c->seen[rule] == 2)
		return true;
	if (c->seen[rule] == 1)
		return grammar_give_up(c->g, "left recursion") != NULL;
	if (!c->g->rules[rule].body)
		return grammar_give_up(c->g, "a name that nothing defines") != NULL;
	c->seen[rule] = 1;
	bool ok = first_ends(c, c->g->rules[rule].body);
	c->seen[rule] = 2;
	return ok;
}

/* Repetitions anywhere, not only those that stand first. */
static bool repeats_end(struct check *c, const struct node *n)
{
	if (n->kind == NODE_REPEAT && n->max == GRAMMAR_ENDLESS && nullable(c, n->child))
		return grammar_give_up(c->g, "an endless repetition of what may be nothing") != NULL;
	if (n->kind == NODE_RULE && !c->g->rules[n->rule].body)
		return grammar_give_up(c->g, "a name that nothing defines") != NULL;
	for (const struct node *k = n->child; k; k = k->next)
		if (!repeats_end(c, k))
			return false;
	return true;
}

static size_t weight(const struct node *n)
{
	size_t w = 1;
	for (const struct node *k = n->child; k && w <= WEIGHT; k = k->next)
		w += weight(k);
	if (n->kind == NODE_REPEAT && w <= WEIGHT)
		w *= (size_t)(n->max > n->min ? n->max : n->min > 0 ? n->min : 1);
	return w;
}

static bool sound(struct grammar *g)
{
	struct check *c = new(g->a, struct check);
	size_t all = 0;
	c->g = g;
	find_nullable(c);
	for (int i = 0; i < g->n; i++) {
		if (!rule_ends(c, i) || !repeats_end(c, g->rules[i].body))
			return false;
		all += weight(g->rules[i].body);
	}
	return all <= WEIGHT || grammar_give_up(g, "so many repetitions");
}

/* --- GBNF --------------------------------------------------------------------------------------------------- */

static void put_point(struct buf *b, uint32_t c)
{
	bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	if (plain)
		buf_byte(b, (char)c);
	else
		buf_fmt(b, c < 0x80 ? "\\x%02X" : c < 0x10000 ? "\\u%04X" : "\\U%08X", c);
}

static void put_set(struct buf *b, const struct node *n)
{
	buf_add(b, n->negated ? S("[^") : S("["));
	for (size_t i = 0; i < n->n_ranges; i++) {
		put_point(b, n->ranges[i].lo);
		if (n->ranges[i].hi == n->ranges[i].lo)
			continue;
		buf_byte(b, '-');
		put_point(b, n->ranges[i].hi);
	}
	buf_byte(b, ']');
}

static void put_node(struct buf *b, const struct node *n);

static void grammar_put_list(struct buf *b, const struct node *n, struct str between)
{
	if (!n->child)
		buf_add(b, S("\"\""));
	for (const struct node *k = n->child; k; k = k->next) {
		put_node(b, k);
		if (k->next)
			buf_add(b, between);
	}
}

static void put_repeat(struct buf *b, const struct node *n)
{
	buf_byte(b, '(');
	put_node(b, n->child);
	buf_byte(b, ')');
	if (n->min == 0 && n->max == 1)
		buf_byte(b, '?');
	else if (n->max == GRAMMAR_ENDLESS && n->min < 2)
		buf_byte(b, n->min ? '+' : '*');
	else if (n->max == GRAMMAR_ENDLESS)
		buf_fmt(b, "{%d,}", n->min);
	else if (n->max == n->min)
		buf_fmt(b, "{%d}", n->min);
	else
		buf_fmt(b, "{%d,%d}", n->min, n->max);
}

static void put_node(struct buf *b, const struct node *n)
{
	switch (n->kind) {
	case NODE_TEXT:
		buf_byte(b, '"');
		for (size_t i = 0; i < n->text.n; i++)
			put_point(b, (unsigned char)n->text.p[i]);
		buf_byte(b, '"');
		break;
	case NODE_SET:
		put_set(b, n);
		break;
	case NODE_ALL:
		grammar_put_list(b, n, S(" "));
		break;
	case NODE_ANY:
		if (n->child && !n->child->next) {
			put_node(b, n->child);
			break;
		}
		buf_byte(b, '(');
		grammar_put_list(b, n, S(" | "));
		buf_byte(b, ')');
		break;
	case NODE_REPEAT:
		if (n->max == 0)
			buf_add(b, S("\"\""));
		else
			put_repeat(b, n);
		break;
	case NODE_RULE:
		if (n->rule)
			buf_fmt(b, "r%d", n->rule);
		else
			buf_add(b, S("root"));
		break;
	}
}

bool grammar_convert(struct arena *a, struct str syntax, struct str definition, struct str *gbnf, struct err *why)
{
	struct grammar *g = new(a, struct grammar);
	struct buf b;
	g->a = a;
	g->e = why;
	if (definition.n > DEFINITION_MAX)
		return grammar_give_up(g, "a grammar that large") != NULL;
	if (str_eq(syntax, S("regex"))) {
		int root = grammar_rule(g, S("root"));
		g->rules[root].body = grammar_regex(g, definition, S(""));
	} else {
		grammar_lark(g, definition);
	}
	if (why->code || !sound(g))
		return false;
	buf_init(&b, GBNF_MAX);
	for (int i = 0; i < g->n; i++) {
		if (i)
			buf_fmt(&b, "r%d ::= ", i);
		else
			buf_add(&b, S("root ::= "));
		put_node(&b, g->rules[i].body);
		buf_byte(&b, '\n');
	}
	if (b.over)
		grammar_give_up(g, "a grammar that large");
	*gbnf = str_copy(a, buf_str(&b));
	buf_release(&b);
	return !why->code;
}

/* --- the tool ------------------------------------------------------------------------------------------------ */

const struct function_tool *grammar_tool(struct arena *a, enum grammar_dialect d, const struct prompt *p, struct str *gbnf)
{
	const struct function_tool *t = d == GRAMMAR_NONE ? NULL : prompt_forced(p);
	struct err why = {0};
	if (!t || t->kind != CALL_CUSTOM)
		return NULL;
	yyjson_val *format = json_get(t->given, S("format"));
	struct str definition = json_str(json_get(format, S("definition")));
	if (!definition.p || !grammar_convert(a, json_str(json_get(format, S("syntax"))), definition, gbnf, &why))
		return NULL;
	return t;
}

void grammar_describe(struct buf *out, const struct function_tool *t)
{
	buf_fmt(out, "Use the tool %.*s now: ", FMT(t->name));
	if (t->description.n) {
		buf_add(out, t->description);
		buf_add(out, S("\n\n"));
	}
	buf_add(out, S("Reply with the text of `input` and nothing else: no JSON, no quotes, no explanation."));
}

/* --- the reply ----------------------------------------------------------------------------------------------- */

static void grammar_emit_args(struct grammar_reply *r, struct str text)
{
	struct model_event ev = {.kind = ME_CALL_ARGS, .text = text};
	r->emit(r->ctx, &ev);
}

static void grammar_begin(struct grammar_reply *r)
{
	struct model_event ev = {.kind = ME_CALL_BEGIN, .name = r->tool->name, .call_id = S("")};
	if (r->begun)
		return;
	r->begun = true;
	r->emit(r->ctx, &ev);
	grammar_emit_args(r, S("{\"input\":\""));
}

void grammar_reply_feed(struct grammar_reply *r, struct str text)
{
	struct buf b;
	if (!text.n)
		return;
	grammar_begin(r);
	buf_init(&b, SIZE_MAX / 2);
	jo_escape(&b, text);
	grammar_emit_args(r, buf_str(&b));
	buf_release(&b);
}

void grammar_reply_end(struct grammar_reply *r, bool cut)
{
	grammar_begin(r);
	if (!cut)
		grammar_emit_args(r, S("\"}"));
}
