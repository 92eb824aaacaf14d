/* response_list.h - the responses of a project, newest first: for the console. Blocks: worker threads.
 *
 * The table is walked by key, which is the order of time, from `before` on; one call looks at `LOOKED` rows at most, so that a
 * sparse filter over millions answers soon, with where to go on. Background runs that have not ended are apart. */
#pragma once
#include "base/arena.h"
#include "store/store.h"

struct response_query {
	int64_t before; /* keys below it; 0: from the newest on */
	int64_t limit;
	struct str status, model; /* {0}: any */
};
struct response_row {
	struct str id, status, model, error; /* error: its message, {0}: none */
	int64_t created_at, completed_at, input_tokens, output_tokens, cached_tokens;
	bool background;
};
struct response_rows {
	struct response_row *list;
	size_t n;
	int64_t next; /* `before` of the next page; 0: there are no more */
};
bool response_list(struct store *s, int64_t project, const struct response_query *q, struct arena *a,
		   struct response_rows *ret, struct err *e);
/* Those queued or being made in the background, at most q->limit, newest first; q's filters are not asked. */
bool response_list_open(struct store *s, int64_t project, const struct response_query *q, struct arena *a,
			struct response_rows *ret, struct err *e);
