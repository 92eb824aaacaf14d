/* batch_work.h - batches as they are worked on: begun, their lines answered, ended. Rules as in batch.h.
 *
 * A batch is open until it has ended and its answers, which are in files then, are removed. Who works on it is known in
 * memory alone: one process does, of several nodes the leader (nodes.h). Each change names the status that it goes out from; ERR_CONFLICT: it has
 * another by now. An answer is kept once for a line, together with its counts. */
#pragma once
#include "store/batch.h"
#include "store/file.h"

struct batch_place {
	int64_t key, project, asker;
};
/* Those that are open: to be cancelled first, then of each project one, then another ... `ret` has room for `most`. */
bool batch_open(struct store *s, size_t most, struct batch_place *ret, size_t *n, struct err *e);
bool batch_again(struct store *s, int64_t key, struct arena *a, struct stored_batch *ret, struct err *e);
/* validating > in_progress */
bool batch_begin(struct store *s, int64_t key, int64_t total, struct str model, struct err *e);
/* in_progress > finalizing */
bool batch_finalize(struct store *s, int64_t key, bool late, struct err *e);

struct batch_answer {
	int64_t line;
	bool failed;
	struct str text; /* a line of the output or, when failed, of the error file */
};
struct batch_progress {
	const struct batch_answer *answers;
	size_t n;
	struct batch_counts add; /* without total */
	struct str model;        /* that answered; "": not told */
	int64_t cursor_line, cursor_at;
};
bool batch_keep(struct store *s, int64_t key, const struct batch_progress *p, struct err *e);
bool batch_answered(struct store *s, int64_t key, int64_t line, bool *ret, struct err *e);
/* Calls one() for each answer, in the order of the lines; false stops, and is returned. */
bool batch_answers(struct store *s, int64_t key, bool (*one)(void *ctx, const struct batch_answer *a), void *ctx,
		   struct err *e);

struct batch_end {
	enum batch_status status;
	const struct stored_file *output,
	    *error;        /* their blobs are kept; NULL: none. They count for the project, whatever its bounds */
	struct str errors; /* {0}: none */
	const struct webhook_event *event;
};
/* Its end with its files and what webhook endpoints have to be told, all or nothing. */
bool batch_close(struct store *s, const struct stored_batch *b, const struct batch_end *end, struct err *e);
/* Removes a slice of the answers of one that has ended (of another: none). *more: some are left; else it is not open any more. */
bool batch_tidy(struct store *s, int64_t key, bool *more, struct err *e);
