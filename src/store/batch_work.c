/* batch_work.c - batches as they are worked on. */
#include "store/batch_work.h"

#include "base/clock.h"
#include "store/file.h"
#include "store/lend.h"
#include "store/look.h"
#include "store/outbox.h"
#include "store/request.h"

enum { SLICE = 1000 };

static const struct str other = STR("the batch has another status by now");

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct work_look {
	struct lent_query q;
	struct arena *arena;
	struct stored_batch *ret;
	struct batch_place *places;
	size_t n;
	bool found, stopped;
	bool (*one)(void *ctx, const struct batch_answer *a);
	void *ctx;
};

static bool on_place(void *ctx, const struct cell *cells)
{
	struct work_look *l = ctx;
	l->places[l->n++] = (struct batch_place){cells[0].i, cells[1].i, cells[2].i};
	return true;
}

bool batch_open(struct store *s, size_t most, struct batch_place *ret, size_t *n, struct err *e)
{
	struct work_look l = {.q.stmt = STMT_BATCH_OPEN,
			      .q.binds = {INT((int64_t)most)},
			      .q.n_binds = 1,
			      .q.row = on_place,
			      .places = ret};
	bool ok = lent_rows(s, &l.q, &l, e);
	*n = l.n;
	return ok;
}

static bool work_on_one(void *ctx, const struct cell *cells)
{
	struct work_look *l = ctx;
	l->found = batch_row_take(l->arena, cells, l->ret);
	return false;
}

bool batch_again(struct store *s, int64_t key, struct arena *a, struct stored_batch *ret, struct err *e)
{
	struct work_look l = {.arena = a,
			      .q.stmt = STMT_BATCH_KEY,
			      .q.binds = {INT(key)},
			      .q.n_binds = 1,
			      .q.row = work_on_one,
			      .ret = ret};
	return lent_rows(s, &l.q, &l, e) && (l.found || fail(e, ERR_CONFLICT, NULL, "the batch is gone"));
}

static bool on_answered(void *ctx, const struct cell *cells)
{
	((struct work_look *)ctx)->found = true;
	return false;
}

bool batch_answered(struct store *s, int64_t key, int64_t line, bool *ret, struct err *e)
{
	struct work_look l = {
	    .q.stmt = STMT_BATCH_LINE_HAS, .q.binds = {INT(key), INT(line)}, .q.n_binds = 2, .q.row = on_answered};
	bool ok = lent_rows(s, &l.q, &l, e);
	*ret = l.found;
	return ok;
}

static bool on_answer(void *ctx, const struct cell *cells)
{
	struct work_look *l = ctx;
	struct batch_answer a = {cells[0].i, cells[1].i, cells[2].s};
	l->stopped = !l->one(l->ctx, &a);
	return !l->stopped;
}

bool batch_answers(struct store *s, int64_t key, bool (*one)(void *ctx, const struct batch_answer *a), void *ctx,
		   struct err *e)
{
	struct work_look l = {.q.stmt = STMT_BATCH_LINES,
			      .q.binds = {INT(key)},
			      .q.n_binds = 1,
			      .q.row = on_answer,
			      .one = one,
			      .ctx = ctx};
	return lent_rows(s, &l.q, &l, e) && !l.stopped;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

bool batch_begin(struct store *s, int64_t key, int64_t total, struct str model, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 4, model.n + other.n + 1);
	ADD(r, STMT_BATCH_BEGIN, INT(key), INT(clock_wall_s()), INT(total), text_or_null(model));
	request_must(r, ERR_CONFLICT, other);
	return store_write(s, r, e);
}

bool batch_finalize(struct store *s, int64_t key, bool late, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 3, other.n + 1);
	ADD(r, STMT_BATCH_FINALIZE, INT(key), INT(clock_wall_s()), INT(late));
	request_must(r, ERR_CONFLICT, other);
	return store_write(s, r, e);
}

bool batch_keep(struct store *s, int64_t key, const struct batch_progress *p, struct err *e)
{
	const struct batch_counts *c = &p->add;
	size_t bytes = p->model.n + (p->n + 1) * (other.n + 1);
	for (size_t i = 0; i < p->n; i++)
		bytes += p->answers[i].text.n;
	struct store_request *r = request_new(NULL, NULL, p->n + 1, p->n * 4 + 10, bytes);
	for (size_t i = 0; i < p->n; i++) {
		const struct batch_answer *a = &p->answers[i];
		ADD(r, STMT_BATCH_LINE_INSERT, INT(key), INT(a->line), INT(a->failed), TEXT(a->text));
		request_must(r, ERR_CONFLICT, other);
	}
	ADD(r, STMT_BATCH_COUNT, INT(key), INT(c->completed), INT(c->failed), INT(c->input), INT(c->cached),
	    INT(c->output), INT(c->reasoning), TEXT(p->model), INT(p->cursor_line), INT(p->cursor_at));
	request_must(r, ERR_CONFLICT, other);
	return store_write(s, r, e);
}

static void close_file(struct store_request *r, int64_t project, const struct stored_file *f)
{
	if (!f)
		return;
	ADD(r, STMT_USAGE_ADD, INT(project), INT(f->bytes), INT(INT64_MAX), INT(INT64_MAX / 2));
	file_insert(r, project, f);
}

static size_t close_bytes(const struct stored_file *f)
{
	return f ? ID_RND + f->purpose.n + f->filename.n : 0;
}

static struct str close_rnd(const struct stored_file *f)
{
	return f ? rnd_str(&f->id) : S("");
}

bool batch_close(struct store *s, const struct stored_batch *b, const struct batch_end *end, struct err *e)
{
	const struct stored_file *output = end->output, *error = end->error;
	char subject[ID_MAX];
	struct store_request *r = request_new(NULL, NULL, 7, 48,
					      2 * ID_RND + end->errors.n + other.n + 1 + close_bytes(output) +
						  close_bytes(error) + outbox_bytes(end->event));
	ADD(r, STMT_BATCH_END, INT(b->id.key), INT(clock_wall_s()), INT(end->status), INT(b->status),
	    INT(output ? output->id.key : 0), BLOB(close_rnd(output)), INT(error ? error->id.key : 0),
	    BLOB(close_rnd(error)), text_or_null(end->errors));
	request_must(r, ERR_CONFLICT, other);
	close_file(r, b->project, output);
	close_file(r, b->project, error);
	outbox_add(r, b->project, end->event, id_text(subject, "batch", &b->id));
	return store_write(s, r, e);
}

bool batch_tidy(struct store *s, int64_t key, bool *more, struct err *e)
{
	struct work_look l = {
	    .q.stmt = STMT_BATCH_LINES, .q.binds = {INT(key)}, .q.n_binds = 1, .q.row = on_answered};
	struct store_request *r = request_new(NULL, NULL, 2, 3, 0);
	ADD(r, STMT_BATCH_LINES_FREE, INT(key), INT(SLICE));
	ADD(r, STMT_BATCH_SHUT, INT(key));
	bool ok = store_write(s, r, e) && lent_rows(s, &l.q, &l, e);
	*more = l.found;
	return ok;
}
