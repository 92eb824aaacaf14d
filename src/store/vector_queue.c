/* vector_queue.c - what the index of vector stores has to do, and what it has to know of files. */
#include "store/vector_queue.h"

#include <string.h>

#include "base/clock.h"
#include "store/lend.h"
#include "store/request.h"

enum { SLICE = 200 };

struct look {
	struct lent_query q;
	struct arena *arena;
	/* results */
	int64_t value;
	struct vector_task *tasks;
	size_t n;
	struct vector_gone *gone;
	struct vector_found *found;
	void (*one)(void *ctx, int64_t file, struct str attributes);
	void *ctx;
	int64_t files[SLICE];
};

static bool queue_on_value(void *ctx, const struct cell *cells)
{
	((struct look *)ctx)->value = cells[0].i;
	return false;
}

/* --- the queue --------------------------------------------------------------------------------------------------- */

bool vector_queue_project(struct store *s, int64_t after, int64_t *ret, struct err *e)
{
	struct look l = {
	    .q.stmt = STMT_VECTOR_QUEUE_PROJECT, .q.binds = {INT(after)}, .q.n_binds = 1, .q.row = queue_on_value};
	bool ok = lent_rows(s, &l.q, &l, e);
	if (ok && !l.value && after) {
		l.q.binds[0] = INT(0);
		ok = lent_rows(s, &l.q, &l, e);
	}
	*ret = l.value;
	return ok;
}

static bool on_task(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->tasks[l->n++] = (struct vector_task){
	    .project = l->q.binds[0].i,
	    .store = cells[0].i,
	    .file = cells[1].i,
	    .generation = cells[2].i,
	    .chunk_size = cells[3].i,
	    .chunk_overlap = cells[4].i,
	    .tries = cells[5].i,
	    .filename = cells[6].s.p ? str_copy(l->arena, cells[6].s) : (struct str){0},
	    .bytes = cells[7].i,
	};
	return true;
}

bool vector_queue_list(struct store *s, int64_t project, size_t most, struct arena *a, struct vector_task *ret,
		       size_t *n, struct err *e)
{
	struct look l = {.arena = a,
			 .q.stmt = STMT_VECTOR_QUEUE_FILE,
			 .q.binds = {INT(project), INT((int64_t)most)},
			 .q.n_binds = 2,
			 .q.row = on_task,
			 .tasks = ret};
	bool ok = lent_rows(s, &l.q, &l, e);
	*n = l.n;
	return ok;
}

static bool on_stale(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	on_task(ctx, cells);
	l->tasks->project = cells[8].i;
	l->tasks->renews = true;
	return false;
}

bool vector_queue_stale(struct store *s, struct str space, bool take, struct arena *a, struct vector_task *ret,
			struct err *e)
{
	static const struct str other = STR("changed meanwhile");
	struct look l = {.arena = a,
			 .q.stmt = STMT_VECTOR_QUEUE_STALE,
			 .q.binds = {TEXT(space)},
			 .q.n_binds = 1,
			 .q.row = on_stale,
			 .tasks = ret};
	*ret = (struct vector_task){0};
	if (!lent_rows(s, &l.q, &l, e) || !ret->file || !take)
		return e->code == ERR_NONE;
	struct store_request *r = request_new(NULL, NULL, 1, 3, other.n + 1);
	ADD(r, STMT_VECTOR_QUEUE_RENEW, INT(ret->store), INT(ret->file), INT(ret->generation));
	request_must(r, ERR_CONFLICT, other);
	return store_write(s, r, e);
}

bool vector_queue_try(struct store *s, const struct vector_task *t, int by, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 4, 0);
	ADD(r, STMT_VECTOR_QUEUE_TRY, INT(t->store), INT(t->file), INT(t->generation), INT(by));
	return store_write(s, r, e);
}

bool vector_queue_wanted(struct store *s, const struct vector_task *t, bool *ret, struct err *e)
{
	struct look l = {.q.stmt = STMT_VECTOR_QUEUE_WANTED,
			 .q.binds = {INT(t->store), INT(t->file), INT(t->generation)},
			 .q.n_binds = 3,
			 .q.row = queue_on_value};
	bool ok = lent_rows(s, &l.q, &l, e);
	*ret = l.value != 0;
	return ok;
}

bool vector_queue_end(struct store *s, const struct vector_task *t, const struct vector_done *d, struct err *e)
{
	static const struct str other = STR("The file is wanted no more, or otherwise.");
	struct store_request *r = request_new(NULL, NULL, 1, 8, d->space.n + d->fault.n + d->reason.n + other.n + 1);
	ADD(r, STMT_VECTOR_QUEUE_END, INT(t->store), INT(t->file), INT(t->generation), INT(d->status), INT(d->bytes),
	    TEXT(d->space), TEXT(d->fault), TEXT(d->reason));
	request_must(r, ERR_CONFLICT, other);
	return store_write(s, r, e);
}

bool vector_queue_again(struct store *s, int64_t store, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 1, 0);
	ADD(r, STMT_VECTOR_QUEUE_AGAIN, INT(store));
	return store_write(s, r, e);
}

/* --- what is to be dropped --------------------------------------------------------------------------------------- */

static bool queue_on_gone(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	*l->gone = (struct vector_gone){cells[0].i, l->q.stmt == STMT_VECTOR_GONE_NEXT ? cells[1].i : 0};
	return false;
}

bool vector_gone_next(struct store *s, struct vector_gone *ret, struct err *e)
{
	struct look l = {.q.stmt = STMT_VECTOR_GONE_NEXT,
			 .q.binds = {INT(1)},
			 .q.n_binds = 1,
			 .q.row = queue_on_gone,
			 .gone = ret};
	*ret = (struct vector_gone){0};
	if (!lent_rows(s, &l.q, &l, e))
		return false;
	if (ret->store)
		return true;
	l.q.stmt = STMT_VECTOR_STORE_DEAD;
	l.q.binds[0] = INT(clock_wall_s());
	return lent_rows(s, &l.q, &l, e);
}

static bool on_dead_file(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->files[l->n++] = cells[0].i;
	return l->n < SLICE;
}

static bool end_store(struct store *s, int64_t store, bool *more, struct err *e)
{
	struct look l = {.q.stmt = STMT_VECTOR_DEAD_FILES,
			 .q.binds = {INT(store), INT(SLICE)},
			 .q.n_binds = 2,
			 .q.row = on_dead_file};
	if (!lent_rows(s, &l.q, &l, e))
		return false;
	struct store_request *r = request_new(NULL, NULL, l.n + 3, 2 * l.n + 3, 0);
	for (size_t i = 0; i < l.n; i++)
		ADD(r, STMT_VECTOR_FILE_DELETE, INT(store), INT(l.files[i]));
	*more = l.n == SLICE;
	if (!*more) {
		ADD(r, STMT_VECTOR_BATCHES_FREE, INT(store));
		ADD(r, STMT_VECTOR_GONE_STORE, INT(store));
		ADD(r, STMT_VECTOR_STORE_FREE, INT(store));
	}
	return store_write(s, r, e);
}

bool vector_gone_end(struct store *s, const struct vector_gone *g, bool *more, struct err *e)
{
	*more = false;
	if (!g->file)
		return end_store(s, g->store, more, e);
	struct store_request *r = request_new(NULL, NULL, 1, 2, 0);
	ADD(r, STMT_VECTOR_GONE_FREE, INT(g->store), INT(g->file));
	return store_write(s, r, e);
}

bool vector_store_next(struct store *s, int64_t after, int64_t *ret, struct err *e)
{
	struct look l = {.q.stmt = STMT_VECTOR_STORE_NEXT,
			 .q.binds = {INT(after), INT(1)},
			 .q.n_binds = 2,
			 .q.row = queue_on_value};
	bool ok = lent_rows(s, &l.q, &l, e);
	*ret = l.value;
	return ok;
}

/* --- what a search has to know ----------------------------------------------------------------------------------- */

static bool on_attributes(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->one(l->ctx, cells[0].i, cells[1].s);
	return true;
}

bool vector_attributes(struct store *s, int64_t store, void (*one)(void *ctx, int64_t file, struct str attributes),
		       void *ctx, struct err *e)
{
	struct look l = {.q.stmt = STMT_VECTOR_FILE_ATTRIBUTES,
			 .q.binds = {INT(store)},
			 .q.n_binds = 1,
			 .q.row = on_attributes,
			 .one = one,
			 .ctx = ctx};
	return lent_rows(s, &l.q, &l, e);
}

static bool queue_on_found(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	if (cells[0].s.n != ID_RND)
		return false;
	l->found->file.key = l->q.binds[1].i;
	memcpy(l->found->file.rnd, cells[0].s.p, ID_RND);
	l->found->attributes = str_copy(l->arena, cells[1].s);
	l->found->filename = str_copy(l->arena, cells[2].s);
	return false;
}

bool vector_file_found(struct store *s, int64_t store, int64_t file, struct arena *a, struct vector_found *ret,
		       struct err *e)
{
	struct look l = {.arena = a,
			 .q.stmt = STMT_VECTOR_FILE_FOUND,
			 .q.binds = {INT(store), INT(file)},
			 .q.n_binds = 2,
			 .q.row = queue_on_found,
			 .found = ret};
	*ret = (struct vector_found){0};
	return lent_rows(s, &l.q, &l, e);
}
