/* files.c - /v1/files. */

#include <string.h>

#include "base/clock.h"
#include "door/blob_content.h"
#include "door/resource.h"
#include "door/visit.h"
#include "files/from_container.h"
#include "files/shown.h"
#include "model/file.h"
#include "wire/multipart.h"

enum { LIST_MOST = 10000 };

static void put_file(struct jout *o, const struct stored_file *f)
{
	char id[ID_MAX];
	struct file_object object;
	file_object_of(f, id, &object);
	file_write(o, &object);
}

/* --- POST ------------------------------------------------------------------------------------------------ */

enum { PURPOSE, ANCHOR, SECONDS };

static bool check_form(struct intake *in, struct err *e)
{
	struct stored_file *f = in->owner = new(&in->arena, struct stored_file);
	struct file_form form = {in->values[PURPOSE], in->values[ANCHOR], in->values[SECONDS]};
	int64_t life;
	if (!file_form_read(&form, &life, e) || !file_name_read(in->filename, "file", &f->filename, e))
		return false;
	f->id = in->id;
	f->created_at = clock_wall_s();
	f->expires_at = life ? f->created_at + life : 0;
	f->bytes = in->bytes;
	f->purpose = form.purpose;
	return true;
}

static void files_on_put(struct store_op *op, const struct err *e)
{
	struct intake *in = OWNER(op, struct intake, op);
	if (e->code) {
		intake_fail(in, e);
		return;
	}
	struct buf b;
	buf_init(&b, 64 * 1024);
	struct jout o = {&b, false};
	put_file(&o, in->owner);
	intake_answer(in, buf_str(&b));
	buf_release(&b);
}

static void put_row(struct intake *in)
{
	in->op.done = files_on_put;
	store_put_file(in->rq->api->store, &in->op, in->rq->project, in->owner);
}

void file_create(struct request *rq)
{
	static const struct intake_form form = {
	    .file = "file",
	    .fields = {[PURPOSE] = "purpose", [ANCHOR] = "expires_after[anchor]", [SECONDS] = "expires_after[seconds]"},
	    .named = true,
	    .check = check_form,
	    .kept = put_row,
	};
	if (multipart_type(exchange_header(rq->x, S("content-type"))))
		intake_begin(rq, &form, api_limits.file_bytes);
	else
		file_from_container(rq);
}

/* --- GET and DELETE -------------------------------------------------------------------------------------- */

struct file_visit {
	struct visit visit; /* first */
	struct stored_file file;
	struct file_query query;
	struct file_page page;
};

static void files_on_got(struct store_op *op, const struct err *e)
{
	struct file_visit *v = visit_of(op, e);
	struct buf b;
	if (!v)
		return;
	buf_init(&b, 64 * 1024);
	struct jout o = {&b, false};
	put_file(&o, &v->file);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

void file_get(struct request *rq)
{
	struct file_visit *v = visit_new(rq, sizeof *v, files_on_got);
	store_get_file(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->file);
}

static void files_on_content(struct store_op *op, const struct err *e)
{
	struct file_visit *v = visit_of(op, e);
	if (!v)
		return;
	struct blob_file f = {.key = v->file.id.key, .bytes = v->file.bytes, .filename = v->file.filename};
	visit_leave(&v->visit);
	blob_content(v->visit.rq, &f);
}

void file_content(struct request *rq)
{
	struct file_visit *v = visit_new(rq, sizeof *v, files_on_content);
	store_get_file(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->file);
}

static void files_on_deleted(struct store_op *op, const struct err *e)
{
	struct err named = *e; /* a write does not know of parameters */
	if (e->code == ERR_NOT_FOUND)
		memcpy(named.param, "id", 3);
	struct file_visit *v = visit_of(op, &named);
	if (v)
		visit_answer(&v->visit, deleted_json(exchange_arena(v->visit.rq->x), RESOURCE_FILE, v->visit.rq->args[0]));
}

void file_delete(struct request *rq)
{
	struct file_visit *v = visit_new(rq, sizeof *v, files_on_deleted);
	store_delete_file(rq->api->store, &v->visit.op, rq->project, rq->args[0]);
}

static void files_on_listed(struct store_op *op, const struct err *e)
{
	struct file_visit *v = visit_of(op, e);
	struct buf b;
	if (!v)
		return;
	const struct file_page *p = &v->page;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	list_begin(&o);
	for (size_t i = 0; i < p->n; i++)
		put_file(&o, &p->files[i]);
	list_end_ids(&o, RESOURCE_FILE, "file-", p->n ? &p->files[0].id : NULL, p->n ? &p->files[p->n - 1].id : NULL, p->has_more);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

static bool query_read(struct request *rq, struct file_query *q, struct err *e)
{
	static const char *const known[] = {"after", "limit", "order", "purpose", NULL};
	static const char *const orders[] = {"asc", "desc", NULL};
	struct str order = query_get(rq, "order", NULL);
	*q = (struct file_query){.after = query_get(rq, "after", NULL), .purpose = query_get(rq, "purpose", NULL),
	                         .limit = LIST_MOST, .ascending = str_eq(order, S("asc"))};
	if (!query_known(rq, known, e) || !query_int(rq, "limit", 1, LIST_MOST, &q->limit, e))
		return false;
	return !order.p || q->ascending || str_eq(order, S("desc")) || field_enum(order, "order", orders, e);
}

void files_list(struct request *rq)
{
	struct file_visit *v = visit_new(rq, sizeof *v, files_on_listed);
	struct err e = {0};
	if (query_read(rq, &v->query, &e)) {
		store_list_files(rq->api->store, &v->visit.op, rq->project, &v->query, exchange_arena(rq->x), &v->page);
		return;
	}
	visit_fail(&v->visit, &e);
}
