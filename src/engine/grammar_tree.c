/* grammar_tree.c - a grammar as a tree. */
#include "engine/grammar_tree.h"

#include <string.h>

enum { NODES = 20000 };

struct node *grammar_give_up(struct grammar *g, const char *what)
{
	if (!g->e->code)
		fail(g->e, ERR_UNSUPPORTED_VALUE, NULL, "%s", what);
	return NULL;
}

struct node *node_new(struct grammar *g, enum node_kind kind)
{
	struct node *n = new(g->a, struct node);
	n->kind = kind;
	n->text = S("");
	if (++g->nodes > NODES)
		grammar_give_up(g, "a grammar that large");
	return n;
}

void node_add(struct node *parent, struct node *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->child = child;
	parent->last = child;
}

struct node *node_text(struct grammar *g, struct str text)
{
	struct node *n = node_new(g, NODE_TEXT);
	n->text = text;
	return n;
}

void node_range_add(struct grammar *g, struct node *set, uint32_t lo, uint32_t hi)
{
	if ((set->n_ranges & (set->n_ranges - 1)) == 0) { /* full at each power of two */
		struct node_range *more = new_array(g->a, struct node_range, set->n_ranges ? 2 * set->n_ranges : 1);
		if (set->n_ranges)
			memcpy(more, set->ranges, set->n_ranges * sizeof *more);
		set->ranges = more;
	}
	set->ranges[set->n_ranges++] = (struct node_range){lo, hi};
	if (++g->nodes > NODES)
		grammar_give_up(g, "a grammar that large");
}

/* What of the range lies between `from` and `to` is added once more, `by` code points further. */
static void add_shifted(struct grammar *g, struct node *n, struct node_range r, uint32_t from, uint32_t to, int by)
{
	uint32_t lo = r.lo > from ? r.lo : from, hi = r.hi < to ? r.hi : to;
	if (lo <= hi)
		node_range_add(g, n, (uint32_t)((int)lo + by), (uint32_t)((int)hi + by));
}

void node_no_case(struct grammar *g, struct node *n)
{
	size_t had = n->n_ranges;
	for (size_t i = 0; i < had; i++) {
		add_shifted(g, n, n->ranges[i], 'a', 'z', -32);
		add_shifted(g, n, n->ranges[i], 'A', 'Z', 32);
	}
	for (struct node *c = n->child; c; c = c->next)
		node_no_case(g, c);
}

int grammar_rule(struct grammar *g, struct str name)
{
	for (int i = 0; i < g->n; i++)
		if (str_eq(g->rules[i].name, name))
			return i;
	if (g->n == GRAMMAR_RULES) {
		grammar_give_up(g, "so many rules");
		return -1;
	}
	g->rules[g->n] = (struct grammar_rule){.name = name};
	return g->n++;
}

static struct node *bare(struct node *n)
{
	while ((n->kind == NODE_ANY || n->kind == NODE_ALL) && n->child && !n->child->next)
		n = n->child;
	return n;
}

struct node *node_repeat(struct grammar *g, struct node *child, int min, int max)
{
	struct node *n = node_new(g, NODE_REPEAT), *inner = bare(child);
	/* (a*)+ and (a?)* are a*: what is repeated endlessly had better be something. */
	while (max == GRAMMAR_ENDLESS && inner->kind == NODE_REPEAT && inner->min == 0 && inner->max != 0) {
		child = inner->child;
		inner = bare(child);
		min = 0;
	}
	n->child = child;
	n->min = min;
	n->max = max;
	return n;
}
