/* bodies.h - bodies and queries of /v1/vector_stores, checked, and the objects that answer. Pure, but for the queries.
 */
#pragma once
#include "door/errand.h"

enum { CREATE_FILES = 500, BATCH_FILES = 2000 };

struct store_body {
	bool has_name, has_days;
	struct str name, description, metadata; /* metadata {0}: not given */
	int64_t days;                           /* of expires_after; 0: null */
};
bool store_body_read(struct arena *a, yyjson_val *body, bool create, struct store_body *ret, struct err *e);

struct file_list { /* what is to be attached; ids as text */
	struct vector_file *files;
	size_t n;
};
/* Of {"file_ids", "chunking_strategy"} at a store's creation, of one file, and of a batch. */
bool create_files_read(struct arena *a, yyjson_val *body, struct file_list *ret, struct err *e);
bool one_file_read(struct arena *a, yyjson_val *body, struct file_list *ret, struct err *e);
bool batch_read(struct arena *a, yyjson_val *body, struct file_list *ret, struct err *e);
/* {"attributes": {...} | null}, as JSON. */
bool attributes_read(struct arena *a, yyjson_val *body, struct str *ret, struct err *e);

/* after, before, limit, order; `filter` where files are listed. In `a`. */
bool list_query_read(struct request *rq, struct arena *a, bool filter, struct vector_query *ret, struct err *e);

void vector_store_write(struct jout *o, const struct vector_store *v);
void vector_file_write(struct jout *o, const struct vector_store *v, const struct vector_file *f);
void vector_batch_write(struct jout *o, const struct vector_store *v, const struct vector_batch *b);
