/* response_list.h - the responses of a project, newest first: for the console. Blocks: worker threads.
 *
 * The table is walked by key, which is the order of time, from `before` on; one call looks at a bounded number of rows, so that
 * a sparse filter over millions answers soon, with where to go on. Background runs that have not ended are apart. */
#pragma once
#include "store/response_row.h"
#include "store/store.h"

enum { RESPONSE_TEXT = 200 };
struct response_query {
	int64_t before; /* keys below it; 0: from the newest on */
	int64_t limit;
	int64_t since, until;     /* seconds, the first included, the last not; 0: any */
	struct str status, model; /* {0}: any */
	bool background;          /* those made in the background alone */
	struct str tool;          /* a type of its `tools`; {0}: any */
	struct str text;          /* at most RESPONSE_TEXT bytes (ERR_INVALID_VALUE): stands in an item that is new with it, ASCII letters' case aside; {0}: any */
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
