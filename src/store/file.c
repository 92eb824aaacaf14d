/* file.c - what is known of files. */

#include "store/file.h"

#include <string.h>

#include "base/clock.h"
#include "store/blob.h"
#include "store/lend.h"
#include "store/look.h"

enum { QUOTED = 200 };

static bool file_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, "id", "No such File object: %.*s", (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

/* --- reading --------------------------------------------------------------------------------------------- */

struct file_look {
	struct look look;
	struct stored_file *ret;
	bool found;
	struct file_query query;
	struct file_page *page;
	const struct str *ids; /* several */
	struct stored_file *all;
	size_t n;
};

/* Columns of FILE_GET, FILE_ASC, FILE_DESC. */
static void file_of(struct arena *a, const struct cell *cells, int64_t key, struct stored_file *ret)
{
	*ret = (struct stored_file){
	    .id.key = key,
	    .created_at = cells[1].i,
	    .expires_at = cells[2].i,
	    .bytes = cells[3].i,
	    .purpose = str_copy(a, cells[4].s),
	    .filename = str_copy(a, cells[5].s),
	};
	memcpy(ret->id.rnd, cells[0].s.p, ID_RND);
}

static bool on_file(void *ctx, const struct cell *cells)
{
	struct file_look *l = ctx;
	l->found = rnd_equal(cells[0].s, &l->look.id);
	if (l->found)
		file_of(l->look.arena, cells, l->look.id.key, l->ret);
	return false;
}

static bool file_read_file(struct look *look, struct err *e)
{
	struct file_look *l = OWNER(look, struct file_look, look);
	if (!id_parse(look->text, "file-", &look->id))
		return file_gone(e, look->text);
	struct bind b[] = {INT(look->id.key), INT(look->project), INT(look->now)};
	return look_query(look, STMT_FILE_GET, b, 3, on_file, l, e) && (l->found || file_gone(e, l->look.text));
}

void store_get_file(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		    struct stored_file *ret)
{
	struct file_look *l = look_new(p, op, sizeof *l, project, a);
	l->look.text = look_str(&l->look, id);
	l->ret = look_out(&l->look, ret, sizeof *ret);
	look_start(&l->look, file_read_file);
}

struct file_finding {
	struct lent_query q;
	struct arena *arena;
	struct id id;
	struct stored_file *ret;
};

static bool file_on_found(void *ctx, const struct cell *cells)
{
	struct file_finding *f = ctx;
	if (rnd_equal(cells[0].s, &f->id))
		file_of(f->arena, cells, f->id.key, f->ret);
	return false;
}

bool file_find(struct store *s, int64_t project, struct str id, struct arena *a, struct stored_file *ret, struct err *e)
{
	struct file_finding f = {
	    .q.stmt = STMT_FILE_GET, .q.n_binds = 3, .q.row = file_on_found, .arena = a, .ret = ret};
	*ret = (struct stored_file){0};
	if (!id_parse(id, "file-", &f.id))
		return file_gone(e, id);
	f.q.binds[0] = INT(f.id.key);
	f.q.binds[1] = INT(project);
	f.q.binds[2] = INT(clock_wall_s());
	return lent_rows(s, &f.q, &f, e) && (ret->id.key || file_gone(e, id));
}

static bool read_files(struct look *look, struct err *e)
{
	struct file_look *l = OWNER(look, struct file_look, look);
	for (size_t i = 0; i < l->n; i++) {
		struct bind b[] = {INT(0), INT(l->look.project), INT(look->now)};
		l->ret = &l->all[i];
		*l->ret = (struct stored_file){0};
		if (!id_parse(l->ids[i], "file-", &l->look.id))
			continue;
		b[0] = INT(l->look.id.key);
		if (!look_query(look, STMT_FILE_GET, b, 3, on_file, l, e))
			return false;
	}
	return true;
}

void store_get_files(struct store_port *p, struct store_op *op, int64_t project, const struct str *ids, size_t n,
		     struct arena *a, struct stored_file *ret)
{
	struct file_look *l = look_new(p, op, sizeof *l, project, a);
	l->ids = look_strs(&l->look, ids, n);
	l->n = n;
	l->all = look_out(&l->look, ret, n * sizeof *ret);
	look_start(&l->look, read_files);
}

static bool file_on_listed(void *ctx, const struct cell *cells)
{
	struct file_look *l = ctx;
	if (cells[0].s.n == ID_RND)
		file_of(l->look.arena, cells, cells[6].i, &l->page->files[l->page->n++]);
	return (int64_t)l->page->n <= l->query.limit;
}

static bool list_files(struct look *look, struct err *e)
{
	struct file_look *l = OWNER(look, struct file_look, look);
	const struct file_query *q = &l->query;
	struct bind b[] = {INT(l->look.project), INT(q->ascending ? 0 : INT64_MAX), TEXT(q->purpose.p ? q->purpose : S("")),
			   INT(look->now), INT(q->limit + 1)};
	struct stored_file after;
	l->ret = &after;
	if (q->after.p) {
		l->look.text = q->after;
		if (!file_read_file(look, e))
			return false;
		b[1] = INT(l->look.id.key);
	}
	l->page->files = new_array(l->look.arena, struct stored_file, (size_t)q->limit + 1);
	if (!look_query(look, q->ascending ? STMT_FILE_ASC : STMT_FILE_DESC, b, 5, file_on_listed, l, e))
		return false;
	l->page->has_more = (int64_t)l->page->n > q->limit;
	l->page->n -= l->page->has_more;
	return true;
}

void store_list_files(struct store_port *p, struct store_op *op, int64_t project, const struct file_query *q,
		      struct arena *a, struct file_page *ret)
{
	struct file_look *l = look_new(p, op, sizeof *l, project, a);
	*ret = (struct file_page){0};
	l->query = *q;
	l->query.after = look_str(&l->look, q->after);
	l->query.purpose = look_str(&l->look, q->purpose);
	l->page = look_out(&l->look, ret, sizeof *ret);
	look_start(&l->look, list_files);
}

/* --- writing --------------------------------------------------------------------------------------------- */

void file_count(struct store_request *r, int64_t project, int64_t bytes)
{
	ADD(r, STMT_USAGE_ADD, INT(project), INT(bytes), INT(store_limits.project_files), INT(store_limits.project_bytes));
	request_must(r, ERR_STORAGE_LIMIT, S(FILE_LIMIT_TEXT));
}

void file_insert(struct store_request *r, int64_t project, const struct stored_file *f)
{
	ADD(r, STMT_FILE_INSERT, INT(f->id.key), INT(project), BLOB(rnd_str(&f->id)), INT(f->created_at),
	    INT(f->expires_at), INT(f->bytes), TEXT(f->purpose), TEXT(f->filename));
}

static struct store_request *file_put_request(struct store_port *p, struct store_op *op, int64_t project,
					      const struct stored_file *f)
{
	struct store_request *r =
	    request_new(p, op, 2, 12, ID_RND + f->purpose.n + f->filename.n + sizeof FILE_LIMIT_TEXT + 1);
	file_count(r, project, f->bytes);
	file_insert(r, project, f);
	return r;
}

void store_put_file(struct store_port *p, struct store_op *op, int64_t project, const struct stored_file *f)
{
	request_send(file_put_request(p, op, project, f));
}

bool file_keep(struct store *s, int64_t project, const struct stored_file *f, struct err *e)
{
	return store_write(s, file_put_request(NULL, NULL, project, f), e);
}

static bool file_deleted(struct store_request *r)
{
	if (!r->apply.err)
		blob_drop(r->port->store, r->changes[1].binds[0].i);
	return true;
}

void store_delete_file(struct store_port *p, struct store_op *op, int64_t project, struct str text)
{
	struct err e = {0};
	struct id id;
	file_gone(&e, text);
	if (!id_parse(text, "file-", &id)) {
		request_done(p, op, &e);
		return;
	}
	struct str why = str_of(e.msg);
	struct store_request *r = request_new(p, op, 4, 7, ID_RND + 2 * (why.n + 1));
	ADD(r, STMT_FILE_UNCOUNT, INT(id.key), INT(project), BLOB(rnd_str(&id)), INT(clock_wall_s()));
	request_must(r, ERR_NOT_FOUND, why);
	ADD(r, STMT_FILE_DELETE, INT(id.key));
	request_must(r, ERR_NOT_FOUND, why); /* another node was quicker, and has counted it */
	ADD(r, STMT_VECTOR_FILE_GONE_ALL, INT(id.key));
	ADD(r, STMT_VECTOR_FILE_DELETE_ALL, INT(id.key));
	r->settle = file_deleted;
	request_send(r);
}
