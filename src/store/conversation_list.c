/* conversation_list.c - the conversations of a project, newest first. */
#include "store/conversation_list.h"

#include <string.h>

#include "store/lend.h"

enum { LOOKED = 5000 };

struct conversation_walk {
	struct arena *arena;
	struct conversation_rows *ret;
	int64_t project, limit, looked, last;
};

/* key, rnd, created_at, metadata, tip, project, dead_at */
static bool conversation_list_on_row(void *ctx, const struct cell *cells)
{
	struct conversation_walk *w = ctx;
	struct id id = {.key = cells[0].i};
	w->looked++;
	w->last = id.key;
	if (cells[5].i == w->project && !cells[6].i && cells[1].s.n == sizeof id.rnd) {
		memcpy(id.rnd, cells[1].s.p, sizeof id.rnd);
		w->ret->list[w->ret->n++] = (struct conversation_row){
		    .id = id_text(arena_bytes(w->arena, ID_MAX), "conv", &id),
		    .metadata = str_copy(w->arena, cells[3].s),
		    .created_at = cells[2].i,
		    .turns = cells[4].i > 0,
		};
	}
	return (int64_t)w->ret->n < w->limit;
}

bool conversation_list(struct store *s, int64_t project, int64_t before, int64_t limit, struct arena *a,
		       struct conversation_rows *ret, struct err *e)
{
	struct conversation_walk w = {.arena = a, .ret = ret, .project = project, .limit = limit};
	struct lent_query q = {.stmt = STMT_CONVERSATION_LIST,
			       .binds = {INT(before ? before : INT64_MAX), INT(LOOKED)},
			       .n_binds = 2,
			       .row = conversation_list_on_row};
	*ret = (struct conversation_rows){.list = new_array(a, struct conversation_row, (size_t)limit)};
	if (!lent_rows(s, &q, &w, e))
		return false;
	ret->next = (int64_t)ret->n == limit || w.looked == LOOKED ? w.last : 0;
	return true;
}
