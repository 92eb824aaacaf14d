/* vector_file.c - the files of vector stores, and batches of them. */
#include "store/vector_file.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/lend.h"
#include "store/request.h"
#include "store/sealed.h"
#include "store/vector_rows.h"

enum { QUOTED = 200, TEXT_MOST = 128 };

static int entry_shown(struct str s)
{
	return (int)(s.n < QUOTED ? s.n : QUOTED);
}

static bool entry_gone(struct err *e, const char *what, const struct vector_store *v, struct str id)
{
	char store[ID_MAX];
	return fail(e, ERR_NOT_FOUND, NULL, "No %s found with id '%.*s' in vector store '%.*s'.", what, entry_shown(id),
		    id.p, FMT(id_text(store, "vs", &v->id)));
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct look {
	struct store *store;
	const struct vector_store *of;
	struct arena *arena;
	struct str text;
	struct id id;
	struct vector_file *ret;
	struct vector_batch *batch;
	bool found;
	const struct vector_query *q;
	struct vector_file_page *page;
	int64_t of_batch;
};

static bool entry_query(struct look *l, struct db_reader *r, enum statement stmt, const struct bind *b, unsigned n,
			row_fn *row, struct err *e)
{
	return sealed_query(l->store, r, stmt, b, n, row, l, e);
}

static void entry_take(struct look *l, const struct cell *cells, struct vector_file *ret)
{
	*ret = (struct vector_file){
	    .file.key = cells[0].i,
	    .seq = cells[2].i,
	    .created_at = cells[3].i,
	    .status = (enum vector_status)cells[4].i,
	    .bytes = cells[5].i,
	    .chunk_size = cells[6].i,
	    .chunk_overlap = cells[7].i,
	    .batch = cells[8].i,
	    .fault = str_copy(l->arena, cells[9].s),
	    .reason = str_copy(l->arena, cells[10].s),
	    .attributes = str_copy(l->arena, cells[11].s),
	};
	memcpy(ret->file.rnd, cells[1].s.p, ID_RND);
}

static bool entry_on_one(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->found = rnd_equal(cells[1].s, &l->id);
	if (l->found)
		entry_take(l, cells, l->ret);
	return false;
}

static bool entry_find(struct look *l, struct db_reader *r, struct err *e)
{
	l->found = false;
	if (!id_parse(l->text, "file-", &l->id))
		return entry_gone(e, "file", l->of, l->text);
	struct bind b[] = {INT(l->of->id.key), INT(l->id.key)};
	return entry_query(l, r, STMT_VECTOR_FILE_GET, b, 2, entry_on_one, e) &&
	       (l->found || entry_gone(e, "file", l->of, l->text));
}

static bool entry_read_one(struct db_reader *r, void *ctx, struct err *e)
{
	return entry_find(ctx, r, e);
}

bool vector_file_get(struct store *s, const struct vector_store *v, struct str file, struct arena *a,
		     struct vector_file *ret, struct err *e)
{
	struct look l = {.store = s, .of = v, .arena = a, .text = file, .ret = ret};
	return lent_read(s, entry_read_one, &l, e);
}

static bool entry_on_row(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->page->has_more = l->page->n == (size_t)l->q->limit;
	if (!l->page->has_more && cells[1].s.n == ID_RND)
		entry_take(l, cells, &l->page->list[l->page->n++]);
	return !l->page->has_more;
}

static bool entry_cursor(struct look *l, struct db_reader *r, struct str id, const char *param, int64_t *ret,
			 struct err *e)
{
	struct vector_file at;
	struct err why = {0};
	if (!id.p)
		return true;
	l->text = id;
	l->ret = &at;
	if (!entry_find(l, r, &why))
		return fail(e, why.code == ERR_NOT_FOUND ? ERR_INVALID_VALUE : why.code, param, "Invalid '%s': %s",
			    param, why.msg);
	*ret = at.seq;
	return true;
}

static bool entry_read_list(struct db_reader *r, void *ctx, struct err *e)
{
	static const enum statement statements[2][2] = {{STMT_VECTOR_FILE_DESC, STMT_VECTOR_FILE_ASC},
							{STMT_VECTOR_BATCH_DESC, STMT_VECTOR_BATCH_ASC}};
	struct look *l = ctx;
	struct vector_file_page *p = l->page;
	bool back = vector_backwards(l->q), ascending = l->q->ascending != back;
	int64_t after = 0, before = 0, from, to;
	if (!entry_cursor(l, r, l->q->after, "after", &after, e) ||
	    !entry_cursor(l, r, l->q->before, "before", &before, e))
		return false;
	vector_range(l->q, after, before, &from, &to);
	struct bind b[] = {INT(l->of_batch ? l->of_batch : l->of->id.key), INT(from), INT(to), INT(l->q->status),
			   INT(l->q->limit + 1)};
	if (!entry_query(l, r, statements[l->of_batch != 0][ascending], b, 5, entry_on_row, e))
		return false;
	for (size_t i = 0; back && i < p->n / 2; i++) {
		struct vector_file one = p->list[i];
		p->list[i] = p->list[p->n - 1 - i];
		p->list[p->n - 1 - i] = one;
	}
	return true;
}

bool vector_file_list(struct store *s, const struct vector_store *v, int64_t batch, const struct vector_query *q,
		      struct arena *a, struct vector_file_page *ret, struct err *e)
{
	struct look l = {.store = s, .of = v, .arena = a, .q = q, .page = ret, .of_batch = batch};
	*ret = (struct vector_file_page){.list = new_array(a, struct vector_file, (size_t)q->limit)};
	return lent_read(s, entry_read_list, &l, e);
}

static bool entry_on_batch(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->found = rnd_equal(cells[1].s, &l->id);
	*l->batch = (struct vector_batch){.id = l->id, .created_at = cells[2].i, .cancelled = cells[3].i};
	return false;
}

static bool read_batch(struct db_reader *r, void *ctx, struct err *e)
{
	struct look *l = ctx;
	if (!id_parse(l->text, "vsfb", &l->id))
		return entry_gone(e, "file batch", l->of, l->text);
	struct bind b[] = {INT(l->id.key), INT(l->of->id.key)};
	if (!entry_query(l, r, STMT_VECTOR_BATCH_GET, b, 2, entry_on_batch, e))
		return false;
	if (!l->found)
		return entry_gone(e, "file batch", l->of, l->text);
	return sealed_query(l->store, r, STMT_VECTOR_BATCH_COUNT, b, 1, vector_on_count, &l->batch->counts, e);
}

bool vector_batch_get(struct store *s, const struct vector_store *v, struct str id, struct vector_batch *ret,
		      struct err *e)
{
	struct look l = {.store = s, .of = v, .text = id, .batch = ret};
	return lent_read(s, read_batch, &l, e);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

#define FULL "A vector store may have only so many files (index.store_files)."

static void entry_put_file(struct store_request *r, int64_t project, int64_t store, int64_t batch,
			   const struct vector_file *f)
{
	char id[ID_MAX], why[TEXT_MOST];
	struct id at = id_mint();
	int n = snprintf(why, sizeof why, "No such File object: %.*s", FMT(id_text(id, "file-", &f->file)));
	ADD(r, STMT_VECTOR_FILE_PUT, INT(store), INT(project), INT(f->file.key), BLOB(rnd_str(&f->file)), INT(at.key),
	    INT(clock_wall_s()), INT(f->chunk_size), INT(f->chunk_overlap), INT(batch), TEXT(f->attributes));
	request_must(r, ERR_NOT_FOUND, (struct str){why, (size_t)n});
}

bool vector_files_attach(struct store *s, int64_t project, int64_t store, const struct vector_batch *b,
			 const struct vector_file *files, size_t n, int64_t most, struct err *e)
{
	size_t bytes = sizeof FULL + 1 + ID_RND;
	for (size_t i = 0; i < n; i++)
		bytes += ID_RND + files[i].attributes.n + TEXT_MOST + 1;
	struct store_request *r = request_new(NULL, NULL, n + 2, 10 * n + 8, bytes);
	ADD(r, STMT_VECTOR_FILE_ROOM, INT(store), INT(clock_wall_s()), INT((int64_t)n), INT(most));
	request_must(r, ERR_BAD_REQUEST, S(FULL));
	if (b)
		ADD(r, STMT_VECTOR_BATCH_INSERT, INT(b->id.key), INT(store), BLOB(rnd_str(&b->id)), INT(b->created_at));
	for (size_t i = 0; i < n; i++)
		entry_put_file(r, project, store, b ? b->id.key : 0, &files[i]);
	return store_write(s, r, e);
}

#define DETACHED "The file was taken out of the vector store meanwhile."

bool vector_file_set(struct store *s, const struct vector_store *v, const struct vector_file *f, struct str attributes,
		     struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 2, 5, attributes.n + sizeof DETACHED + 1);
	ADD(r, STMT_VECTOR_FILE_SET, INT(v->id.key), INT(f->file.key), TEXT(attributes));
	request_must(r, ERR_NOT_FOUND, S(DETACHED));
	ADD(r, STMT_VECTOR_STORE_TOUCH, INT(v->id.key), INT(clock_wall_s()));
	return store_write(s, r, e);
}

bool vector_file_detach(struct store *s, const struct vector_store *v, const struct vector_file *f, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 3, 6, sizeof DETACHED + 1);
	ADD(r, STMT_VECTOR_FILE_GONE, INT(v->id.key), INT(f->file.key));
	ADD(r, STMT_VECTOR_FILE_DELETE, INT(v->id.key), INT(f->file.key));
	request_must(r, ERR_NOT_FOUND, S(DETACHED));
	ADD(r, STMT_VECTOR_STORE_TOUCH, INT(v->id.key), INT(clock_wall_s()));
	return store_write(s, r, e);
}

bool vector_batch_cancel(struct store *s, const struct vector_batch *b, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 2, 2, 0);
	ADD(r, STMT_VECTOR_BATCH_CANCEL, INT(b->id.key));
	ADD(r, STMT_VECTOR_BATCH_STOP, INT(b->id.key));
	return store_write(s, r, e);
}
