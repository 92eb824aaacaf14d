/* completion.h - stored chat completions. Included by store.h, which has the rules.
 *
 * A completion is kept whole once it is finished; only its metadata can be changed. Deleting one takes it and all
 * of its rows (at most 18) away at once; expired ones go with the sweeper. Its id begins with "chatcmpl-". */
#pragma once
#include "store/store.h"

struct completion_record {
	int64_t project;
	struct id id;
	int64_t created_at, expires_at; /* seconds; expires_at 0: never */
	struct str model, metadata;     /* metadata: a JSON object of strings */
	struct str body;                /* the object's JSON up to its last member: no metadata, no '}' */
	struct str messages;            /* the request's, a JSON array */
	const struct usage_add *used;   /* counted in the same transaction (usage.h) */
	size_t n_used;
};
/* Everything is copied before it returns. */
void store_put_completion(struct store_port *p, struct store_op *op, const struct completion_record *c);

struct stored_completion {
	struct str id, json;  /* whole, metadata in its place */
	struct str messages;
};
/* ERR_COMPLETION_NOT_FOUND, here and below. */
void store_get_completion(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			  struct stored_completion *ret);
/* Replaces the metadata. */
void store_set_completion(struct store_port *p, struct store_op *op, int64_t project, struct str id,
			  struct str metadata);
void store_delete_completion(struct store_port *p, struct store_op *op, int64_t project, struct str id);

enum { COMPLETION_PAIRS = 16 };
struct completion_query {
	struct str after; /* an id, also of one that is gone; {0}: from the beginning */
	int64_t limit;
	bool ascending;
	struct str model; /* {0}: any */
	struct {
		struct str name, value;
	} pairs[COMPLETION_PAIRS]; /* of the metadata, all of them */
	size_t n_pairs;
};
struct completion_page {
	struct stored_completion *list; /* without messages */
	size_t n;
	bool has_more; /* also when the page is shorter than asked, for its size */
};
/* ERR_BAD_REQUEST: an `after` that is no id, or more than store.list_rows to look through. */
void store_list_completions(struct store_port *p, struct store_op *op, int64_t project,
			    const struct completion_query *q, struct arena *a, struct completion_page *ret);

/* "chatcmpl-" and the id, NUL-terminated. */
struct str completion_id(char out[ID_MAX], const struct id *id);
