/* usage.h - what was used: counters that only grow, and what was spent. Included by store.h, which has the rules.
 *
 * A row counts for a minute, a project, an API key, a kind and a model; it is added to in the transaction of what it
 * counts, so that nothing is counted twice or lost (docs/design/limits.md). After store.usage_minute_days a row's
 * minutes become its hour. Costs are in billionths of a dollar. */
#pragma once
#include "base/str.h"

struct store;
struct store_op;
struct store_port;

enum usage_kind {
#define USAGE(NAME, path, object) USAGE_##NAME,
#include "store/usage.def"
#undef USAGE
	USAGE_KINDS
};

struct usage_numbers {
	int64_t requests, input, cached, output, reasoning; /* requests: to a model; the others: tokens */
	int64_t units;                                      /* images; calls of a tool */
	int64_t input_cost, cached_cost, output_cost;
};
struct usage_add {
	int64_t project, key; /* key: an API key's number; 0: none, or one of the configuration */
	struct str model;     /* "": none */
	enum usage_kind kind;
	bool batch; /* a line of a batch asked */
	struct usage_numbers n;
};
/* By itself: of what leaves no row of its own. `op` NULL: nobody waits. */
void store_add_usage(struct store_port *p, struct store_op *op, const struct usage_add *list, size_t n);
/* The same for who may block. */
bool usage_keep(struct store *s, const struct usage_add *one, struct err *e);

/* What was counted from `from` up to `until` (seconds), summed up by `width` seconds; in the order of time. Blocks. */
struct usage_query {
	enum usage_kind kind;
	int64_t from, until, width;
};
struct usage_row {
	int64_t start;
	struct usage_add sum; /* its strings live inside the call */
};
/* `row` false: enough, which is no failure. */
bool usage_read(struct store *s, const struct usage_query *q, bool (*row)(void *ctx, const struct usage_row *row),
		void *ctx, struct err *e);
/* A month as the rows of what was spent name it: 202611. */
int64_t usage_month(int64_t at);
