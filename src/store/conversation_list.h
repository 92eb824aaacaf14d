/* conversation_list.h - the conversations of a project, newest first: for the console. Blocks: worker threads.
 *
 * Walked by key, as responses are (response_list.h). */
#pragma once
#include "base/arena.h"
#include "store/store.h"

struct conversation_row {
	struct str id, metadata; /* metadata: JSON */
	int64_t created_at;
	bool turns; /* it has had a turn that is its newest */
};
struct conversation_rows {
	struct conversation_row *list;
	size_t n;
	int64_t next; /* `before` of the next page; 0: there are no more */
};
/* Keys below `before` (0: from the newest on), `limit` at most. */
bool conversation_list(struct store *s, int64_t project, int64_t before, int64_t limit, struct arena *a,
		       struct conversation_rows *ret, struct err *e);
