/* batch.h - batches: what is known of them. How they are worked on: batch_work.h.
 *
 * All functions block: worker threads, any. An unknown id, or one of another project, is ERR_NOT_FOUND: "No batch found
 * with id 'x'." */
#pragma once
#include "base/arena.h"
#include "model/batch.h"
#include "store/store.h"

struct stored_batch {
	struct id id; /* "batch" */
	int64_t project, asker; /* asker: the number of the API key, to batch_put() alone; 0: none */
	enum batch_status status;
	bool late;                                    /* it is finalizing because its window is over */
	struct str endpoint, metadata, model, errors; /* {0}: null; errors: a JSON array */
	struct id input, output, error;               /* files; key 0: none */
	int64_t output_seconds, expires_at;
	int64_t at[BATCH_STATES]; /* when it came into that status; 0: never */
	struct batch_counts counts;
	int64_t cursor_line, cursor_at; /* all lines up to that one, and all bytes before that, are answered */
};

/* ERR_BUSY: the project has `most` of them under way. */
bool batch_put(struct store *s, const struct stored_batch *b, int64_t most, struct err *e);
bool batch_get(struct store *s, int64_t project, struct str id, struct arena *a, struct stored_batch *ret,
	       struct err *e);
struct batch_page {
	struct stored_batch *list; /* newest first */
	size_t n;
	bool has_more;
};
/* `after`: an id, also of one that is gone; {0}: from the newest. */
bool batch_list(struct store *s, int64_t project, struct str after, int64_t limit, struct arena *a,
		struct batch_page *ret, struct err *e);
/* *done false: it is past that. */
bool batch_cancel(struct store *s, const struct stored_batch *b, bool *done, struct err *e);

struct batch_input {
	struct id id; /* key 0: there is no such file */
	int64_t bytes;
	bool fits; /* its purpose is `batch` */
};
bool batch_input_find(struct store *s, int64_t project, struct str file, struct batch_input *ret, struct err *e);

/* --- inside store/ --- */
struct cell;
/* A row of BATCH_GET, BATCH_KEY, BATCH_LIST; false: it is damaged. */
bool batch_row_take(struct arena *a, const struct cell *cells, struct stored_batch *ret);
