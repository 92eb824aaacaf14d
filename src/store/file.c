/* file.c - what is known of files. */
#include "store/file_write.h"

#include <string.h>

#include "base/clock.h"
#include "store/blob.h"

enum { QUOTED = 200 };

static bool gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, "id", "No such File object: %.*s", (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

/* --- reading --------------------------------------------------------------------------------------------- */

struct file_look {
	struct store_port *port;
	int64_t project;
	struct str text;
	struct id id;
	struct arena *arena;
	struct stored_file *ret;
	bool found;
	const struct file_query *query;
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
	l->found = rnd_equal(cells[0].s, &l->id);
	if (l->found)
		file_of(l->arena, cells, l->id.key, l->ret);
	return false;
}

static bool read_file(struct db_reader *reader, void *ctx, struct err *e)
{
	struct file_look *l = ctx;
	struct bind b[] = {INT(l->id.key), INT(l->project), INT(clock_wall_s())};
	return l->port->store->driver->query(reader, STMT_FILE_GET, b, 3, on_file, l, e) &&
	       (l->found || gone(e, l->text));
}

void store_get_file(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		    struct stored_file *ret)
{
	struct err e = {0};
	struct file_look l = {.port = p, .project = project, .text = id, .arena = a, .ret = ret};
	bool ok = (id_parse(id, "file-", &l.id) || gone(&e, id)) && p->store->driver->read(p->reader, read_file, &l, &e);
	request_later(p, op, ok ? NULL : &e);
}

static bool read_files(struct db_reader *reader, void *ctx, struct err *e)
{
	struct file_look *l = ctx;
	for (size_t i = 0; i < l->n; i++) {
		struct bind b[] = {INT(0), INT(l->project), INT(clock_wall_s())};
		l->ret = &l->all[i];
		*l->ret = (struct stored_file){0};
		if (!id_parse(l->ids[i], "file-", &l->id))
			continue;
		b[0] = INT(l->id.key);
		if (!l->port->store->driver->query(reader, STMT_FILE_GET, b, 3, on_file, l, e))
			return false;
	}
	return true;
}

void store_get_files(struct store_port *p, struct store_op *op, int64_t project, const struct str *ids, size_t n,
		     struct arena *a, struct stored_file *ret)
{
	struct err e = {0};
	struct file_look l = {.port = p, .project = project, .arena = a, .ids = ids, .n = n, .all = ret};
	bool ok = p->store->driver->read(p->reader, read_files, &l, &e);
	request_later(p, op, ok ? NULL : &e);
}

static bool on_listed(void *ctx, const struct cell *cells)
{
	struct file_look *l = ctx;
	if (cells[0].s.n == ID_RND)
		file_of(l->arena, cells, cells[6].i, &l->page->files[l->page->n++]);
	return (int64_t)l->page->n <= l->query->limit;
}

static bool list_files(struct db_reader *reader, void *ctx, struct err *e)
{
	struct file_look *l = ctx;
	const struct file_query *q = l->query;
	struct bind b[] = {INT(l->project), INT(q->ascending ? 0 : INT64_MAX), TEXT(q->purpose.p ? q->purpose : S("")),
			   INT(clock_wall_s()), INT(q->limit + 1)};
	struct stored_file after;
	l->ret = &after;
	if (q->after.p) {
		l->text = q->after;
		if (!id_parse(q->after, "file-", &l->id) || !read_file(reader, l, e))
			return e->code == ERR_NONE ? gone(e, q->after) : false;
		b[1] = INT(l->id.key);
	}
	l->page->files = new_array(l->arena, struct stored_file, (size_t)q->limit + 1);
	if (!l->port->store->driver->query(reader, q->ascending ? STMT_FILE_ASC : STMT_FILE_DESC, b, 5, on_listed, l, e))
		return false;
	l->page->has_more = (int64_t)l->page->n > q->limit;
	l->page->n -= l->page->has_more;
	return true;
}

void store_list_files(struct store_port *p, struct store_op *op, int64_t project, const struct file_query *q,
		      struct arena *a, struct file_page *ret)
{
	struct err e = {0};
	struct file_look l = {.port = p, .project = project, .arena = a, .query = q, .page = ret};
	*ret = (struct file_page){0};
	bool ok = p->store->driver->read(p->reader, list_files, &l, &e);
	request_later(p, op, ok ? NULL : &e);
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

void store_put_file(struct store_port *p, struct store_op *op, int64_t project, const struct stored_file *f)
{
	struct store_request *r =
	    request_new(p, op, 2, 12, ID_RND + f->purpose.n + f->filename.n + sizeof FILE_LIMIT_TEXT + 1);
	file_count(r, project, f->bytes);
	file_insert(r, project, f);
	request_send(r);
}

static bool deleted(struct store_request *r)
{
	if (!r->apply.err)
		blob_drop(r->port->store, r->changes[1].binds[0].i);
	return true;
}

void store_delete_file(struct store_port *p, struct store_op *op, int64_t project, struct str text)
{
	struct err e = {0};
	struct id id;
	gone(&e, text);
	if (!id_parse(text, "file-", &id)) {
		request_later(p, op, &e);
		return;
	}
	struct str why = str_of(e.msg);
	struct store_request *r = request_new(p, op, 2, 5, ID_RND + why.n + 1);
	ADD(r, STMT_FILE_UNCOUNT, INT(id.key), INT(project), BLOB(rnd_str(&id)), INT(clock_wall_s()));
	request_must(r, ERR_NOT_FOUND, why);
	ADD(r, STMT_FILE_DELETE, INT(id.key));
	r->settle = deleted;
	request_send(r);
}
