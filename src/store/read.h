/* read.h - what is read: responses, contexts, pages, items. Included by store.h, which has the rules.
 *
 * Results live in the arena that is given and are written before done(ERR_NONE). */
#pragma once
#include "base/arena.h"
#include "store/store.h"

struct stored_response {
	struct id id;
	struct str status, json; /* whole, output spliced in */
	int64_t created_at;
	bool run, ended;  /* a background run whose events are kept; it has ended */
	bool obfuscated;  /* the run's request had stream_options.include_obfuscation on */
	unsigned show;    /* given: hidden members of its output that are wanted (item_show.h) */
};
/* Also one that is queued or runs in the background, as it stands. ERR_NOT_FOUND: "Response with id 'x' not found." */
void store_get_response(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
                        struct stored_response *ret);
struct stored_phases {
	struct id id;
	struct str status, phases, body; /* phases: measure/phases.h, "": not known; body: the response without its output */
};
/* Where a response's time went. ERR_NOT_FOUND likewise, also while it runs. */
void store_get_phases(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		      struct stored_phases *ret);
struct stored_item {
	struct id id;
	struct str json;
};
struct stored_context {
	int64_t key; /* of the response */
	struct str status;
	struct stored_item *items; /* what it stood on, then its output, oldest first */
	size_t n, n_output;
};
/* For continuing. ERR_PREVIOUS_NOT_FOUND; ERR_BAD_REQUEST while it runs in the background. A bounded number of reads whatever the chain's length. */
void store_get_context(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
                       struct stored_context *ret);
struct page_query {
	struct str after, before; /* item ids, {0}: none */
	int64_t limit;
	bool ascending;
};
struct stored_page {
	struct stored_item *items;
	size_t n;
	bool has_more;
};
/* The input items a response stood on, inherited ones included, without its output. */
void store_list_input(struct store_port *p, struct store_op *op, int64_t project, struct str id,
                      const struct page_query *q, struct arena *a, struct stored_page *ret);
/* Items by id (ours or foreign), in the order asked; one that is missing has json {0}. */
void store_get_items(struct store_port *p, struct store_op *op, int64_t project, const struct str *ids, size_t n,
                     struct arena *a, struct stored_item *ret);
