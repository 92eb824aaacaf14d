/* vector_store.h - vector stores: what is known of them. Their files: vector_file.h; what is found in them: index/.
 *
 * All functions block: worker threads, any. An unknown id, or one of another project, is ERR_NOT_FOUND: "Vector store
 * with id 'x' not found." Rows hold the truth; an index can be made again from them and the files' bytes. */
#pragma once
#include "base/arena.h"
#include "store/store.h"

enum vector_status { VECTOR_IN_PROGRESS = 1, VECTOR_COMPLETED, VECTOR_FAILED, VECTOR_CANCELLED, VECTOR_STATES };
struct vector_counts {
	int64_t n[VECTOR_STATES]; /* files by their status */
	int64_t bytes;            /* of text that is indexed */
};
struct vector_store {
	struct id id;                  /* "vs" */
	int64_t created_at, active_at; /* seconds; active_at: last use */
	int64_t expire_days;           /* after the last use; 0: never */
	struct str name, description;  /* {0}: null */
	struct str metadata;           /* a JSON object */
	struct vector_counts counts;
};
/* The moment when it expires, in seconds; 0: never. */
int64_t vector_store_expires(const struct vector_store *v);
bool vector_store_expired(const struct vector_store *v);

/* ERR_BAD_REQUEST: the project has `most` of them. */
bool vector_store_put(struct store *s, int64_t project, const struct vector_store *v, int64_t most, struct err *e);
bool vector_store_get(struct store *s, int64_t project, struct str id, struct arena *a, struct vector_store *ret,
		      struct err *e);
struct vector_query {
	struct str after, before; /* ids; {0}: none */
	int64_t limit;
	bool ascending;
	enum vector_status status; /* of files; 0: any */
};
struct vector_store_page {
	struct vector_store *list;
	size_t n;
	bool has_more;
};
bool vector_store_list(struct store *s, int64_t project, const struct vector_query *q, struct arena *a,
		       struct vector_store_page *ret, struct err *e);
struct vector_store_change {
	bool has_name;
	struct str name;     /* {0}: null */
	struct str metadata; /* {0}: as it was */
	int64_t expire_days; /* below 0: as it was */
};
bool vector_store_set(struct store *s, int64_t key, const struct vector_store_change *c, struct err *e);
/* It was used just now; written once a minute at most. */
bool vector_store_touch(struct store *s, const struct vector_store *v, struct err *e);
/* Gone at once; its rows and its index go later (vector_queue.h). */
bool vector_store_delete(struct store *s, int64_t key, struct err *e);
