/* grammar_tree.h - a grammar as a tree, between its notations. Inside engine/ alone (grammar*.c). */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { GRAMMAR_RULES = 512, GRAMMAR_ENDLESS = -1 };

enum node_kind {
	NODE_TEXT,   /* its bytes; empty: nothing at all */
	NODE_SET,    /* one code point of its ranges, or of none of them */
	NODE_ALL,    /* its children, one after the other */
	NODE_ANY,    /* one of its children */
	NODE_REPEAT, /* its child, min to max times */
	NODE_RULE,
};
struct node_range {
	uint32_t lo, hi;
};
struct node {
	enum node_kind kind;
	struct node *child, *last, *next;
	struct str text;
	struct node_range *ranges;
	size_t n_ranges;
	bool negated;
	int min, max; /* max GRAMMAR_ENDLESS */
	int rule;
};

struct grammar_rule {
	struct str name;
	struct node *body; /* NULL: only named so far */
	bool terminal;
};
struct grammar {
	struct arena *a;
	struct grammar_rule rules[GRAMMAR_RULES];
	int n;
	size_t nodes;
	struct err *e; /* set: given up */
};

/* Never NULL; a grammar that grows too large is given up. */
struct node *node_new(struct grammar *g, enum node_kind kind);
void node_add(struct node *parent, struct node *child);
struct node *node_text(struct grammar *g, struct str text);
struct node *node_repeat(struct grammar *g, struct node *child, int min, int max);
void node_range_add(struct grammar *g, struct node *set, uint32_t lo, uint32_t hi);
/* Letters of either case (ASCII) stand for both. */
void node_no_case(struct grammar *g, struct node *n);
/* Gives up: "what" names what cannot be converted. NULL. */
struct node *grammar_give_up(struct grammar *g, const char *what);
/* By name; made when it is not there. -1: too many. */
int grammar_rule(struct grammar *g, struct str name);
