/* vector_file.h - the files of vector stores, and batches of them. Rules as in vector_store.h.
 *
 * A file's entry is of one store; the file itself may be in many. Entries in progress are the queue of the index
 * (vector_queue.h). An entry's `generation` is what the index has to hold: a changed one means to index it anew. */
#pragma once
#include "store/vector_store.h"

struct vector_file {
	struct id file;                        /* "file-" */
	int64_t seq, created_at, bytes, batch; /* batch: its key; 0: none. bytes: of text that is indexed */
	int64_t chunk_size, chunk_overlap;
	enum vector_status status;
	struct str fault, reason; /* of a failed one: "unsupported_file", text for people */
	struct str attributes;    /* a JSON object */
};
struct vector_batch {
	struct id id; /* "vsfb" */
	int64_t created_at;
	bool cancelled;
	struct vector_counts counts;
};
/* Attaches `n` files (id, chunking and attributes given), all or none, with a batch where `b` is not NULL. One that is
 * there already stays one entry. ERR_NOT_FOUND: "No such File object: x"; ERR_BAD_REQUEST: more than `most`. */
bool vector_files_attach(struct store *s, int64_t project, int64_t store, const struct vector_batch *b,
			 const struct vector_file *files, size_t n, int64_t most, struct err *e);
/* ERR_NOT_FOUND: "No file found with id 'x' in vector store 'y'." */
bool vector_file_get(struct store *s, const struct vector_store *v, struct str file, struct arena *a,
		     struct vector_file *ret, struct err *e);
struct vector_file_page {
	struct vector_file *list;
	size_t n;
	bool has_more;
};
/* Of a store, or of one of its batches (its key). */
bool vector_file_list(struct store *s, const struct vector_store *v, int64_t batch, const struct vector_query *q,
		      struct arena *a, struct vector_file_page *ret, struct err *e);
bool vector_file_set(struct store *s, const struct vector_store *v, const struct vector_file *f, struct str attributes,
		     struct err *e);
/* No search finds it any more; the index drops it later. */
bool vector_file_detach(struct store *s, const struct vector_store *v, const struct vector_file *f, struct err *e);
/* ERR_NOT_FOUND: "No file batch found with id 'x' in vector store 'y'." */
bool vector_batch_get(struct store *s, const struct vector_store *v, struct str id, struct vector_batch *ret,
		      struct err *e);
/* Its files in progress are cancelled. */
bool vector_batch_cancel(struct store *s, const struct vector_batch *b, struct err *e);
