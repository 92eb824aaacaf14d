/* uploads.c - /v1/uploads: files that come in parts. */
#include <openssl/evp.h>
#include <string.h>

#include "base/clock.h"
#include "door/file_threads.h"
#include "files/shown.h"
#include "model/file.h"
#include "store/upload.h"

/* One request to an upload, on the heap: it may outlive its client by the job or the write that runs. */
struct upload_visit {
	struct request *rq; /* NULL: the client left */
	struct api_loop *api;
	int64_t project;
	struct arena arena;
	struct store_op op;
	struct reader reader;
	struct leftover leftover;
	struct stored_upload upload;
	struct stored_file file; /* what it becomes, or became */
	bool has_file;
	struct complete_body body;
	struct upload_parts parts;
	/* the job that puts the parts together */
	struct job job;
	bool busy;
	struct store *store;
	struct blob blob;
	bool kept; /* the blob is there, its row is not */
	struct err error;
};

static void uploads_visit_free(struct upload_visit *v)
{
	store_cancel(&v->op);
	leftover_remove(&v->leftover);
	if (v->kept)
		blob_drop(v->store, v->file.id.key);
	struct arena a = v->arena; /* the visit itself lives in it */
	arena_free(&a);
}

/* The loop ends; whether the row was written shows at the next start. */
static void uploads_on_loop_end(struct leftover *l)
{
	struct upload_visit *v = OWNER(l, struct upload_visit, leftover);
	v->kept = false;
	uploads_visit_free(v);
}

static void uploads_on_gone(struct reader *r)
{
	struct upload_visit *v = OWNER(r, struct upload_visit, reader);
	v->rq = NULL;
	if (v->op.request && v->kept)
		leftover_add(v->api, &v->leftover, uploads_on_loop_end);
	else if (!v->busy)
		uploads_visit_free(v);
}

static void uploads_on_room(struct reader *r)
{
}

static struct upload_visit *uploads_visit_new(struct request *rq, void (*done)(struct store_op *, const struct err *))
{
	struct arena a = {0};
	struct upload_visit *v = new(&a, struct upload_visit);
	v->arena = a;
	v->rq = rq;
	v->api = rq->api;
	v->project = rq->project;
	v->store = rq->api->api->options.store;
	v->op.done = done;
	v->reader = (struct reader){uploads_on_gone, uploads_on_room};
	exchange_watch(rq->x, &v->reader);
	return v;
}

static void uploads_visit_fail(struct upload_visit *v, const struct err *e)
{
	if (v->rq) {
		exchange_unwatch(v->rq->x);
		answer_error(v->rq->x, e);
	}
	uploads_visit_free(v);
}

/* The visit of a finished operation; NULL when it failed, which is answered here. */
static struct upload_visit *uploads_visit_of(struct store_op *op, const struct err *e)
{
	struct upload_visit *v = OWNER(op, struct upload_visit, op);
	if (e->code == ERR_NONE)
		return v;
	uploads_visit_fail(v, e);
	return NULL;
}

static const char *uploads_status_name(enum upload_status s)
{
	static const char *const names[] = {
	    [UPLOAD_PENDING] = "pending",
	    [UPLOAD_COMPLETED] = "completed",
	    [UPLOAD_CANCELLED] = "cancelled",
	    [UPLOAD_EXPIRED] = "expired",
	};
	return names[s];
}

static void uploads_visit_answer(struct upload_visit *v)
{
	char id[ID_MAX], file_id[ID_MAX];
	const struct stored_upload *u = &v->upload;
	struct file_object file;
	struct upload_object object = {.id = id_text(id, "upload", &u->id),
				       .filename = u->filename,
				       .purpose = u->purpose,
				       .status = str_of(uploads_status_name(u->status)),
				       .bytes = u->bytes,
				       .created_at = u->created_at,
				       .expires_at = u->expires_at};
	if (v->has_file) {
		file_object_of(&v->file, file_id, &file);
		object.file = &file;
	}
	struct buf b;
	buf_init(&b, 64 * 1024);
	struct jout o = {&b, false};
	upload_write(&o, &object);
	if (v->rq) {
		exchange_unwatch(v->rq->x);
		answer_json(v->rq, 200, buf_str(&b));
	}
	buf_release(&b);
	uploads_visit_free(v);
}

static bool body_parse(struct upload_visit *v, yyjson_val **ret, struct err *e)
{
	struct str body = exchange_request(v->rq->x)->body;
	return json_parse(&v->arena, body.n ? str_copy(&v->arena, body) : S("{}"), ret, e);
}

/* --- create and cancel ----------------------------------------------------------------------------------- */

static void uploads_on_put(struct store_op *op, const struct err *e)
{
	struct upload_visit *v = uploads_visit_of(op, e);
	if (v)
		uploads_visit_answer(v);
}

void upload_create(struct request *rq)
{
	struct upload_visit *v = uploads_visit_new(rq, uploads_on_put);
	struct upload_body b;
	struct err e = {0};
	yyjson_val *body;
	if (!body_parse(v, &body, &e) || !upload_read(body, api_limits.upload_bytes, &b, &e)) {
		uploads_visit_fail(v, &e);
		return;
	}
	int64_t now = clock_wall_s();
	v->upload = (struct stored_upload){
	    .id = id_mint(), .created_at = now, .expires_at = now + api_limits.upload_seconds, .bytes = b.bytes,
	    .file_seconds = b.life, .purpose = b.purpose, .filename = b.filename, .mime_type = b.mime_type,
	    .status = UPLOAD_PENDING};
	store_put_upload(v->api->store, &v->op, v->project, &v->upload);
}

static bool pending(const struct upload_visit *v, struct err *e)
{
	return v->upload.status == UPLOAD_PENDING ||
	       fail(e, ERR_BAD_REQUEST, "upload_id", "The upload is %s.", uploads_status_name(v->upload.status));
}

static void on_cancelled(struct store_op *op, const struct err *e)
{
	struct upload_visit *v = uploads_visit_of(op, e);
	if (!v)
		return;
	v->upload.status = UPLOAD_CANCELLED;
	uploads_visit_answer(v);
}

static void on_got_to_cancel(struct store_op *op, const struct err *e)
{
	struct upload_visit *v = uploads_visit_of(op, e);
	struct err over = {0};
	if (!v)
		return;
	if (v->upload.status == UPLOAD_CANCELLED) { /* sent again */
		uploads_visit_answer(v);
	} else if (!pending(v, &over)) {
		uploads_visit_fail(v, &over);
	} else {
		v->op.done = on_cancelled;
		store_end_upload(v->api->store, &v->op, v->project, &v->upload, NULL);
	}
}

void upload_cancel(struct request *rq)
{
	struct upload_visit *v = uploads_visit_new(rq, on_got_to_cancel);
	store_get_upload(v->api->store, &v->op, v->project, str_copy(&v->arena, rq->args[0]), &v->arena, &v->upload);
}

/* --- complete -------------------------------------------------------------------------------------------- */

static void uploads_on_ended(struct store_op *op, const struct err *e)
{
	struct upload_visit *v = uploads_visit_of(op, e);
	if (!v)
		return;
	v->kept = false;
	v->has_file = true;
	v->upload.status = UPLOAD_COMPLETED;
	uploads_visit_answer(v);
}

static void hash_more(void *ctx, struct str bytes)
{
	EVP_DigestUpdate(ctx, bytes.p, bytes.n);
}

static bool md5_fits(EVP_MD_CTX *md, struct str want, struct err *e)
{
	unsigned char got[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char hex[33] = "";
	EVP_DigestFinal_ex(md, got, &n);
	for (unsigned i = 0; i < 16 && i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", got[i]);
	return str_eq_nocase(want, str_of(hex)) ||
	       fail(e, ERR_INVALID_VALUE, "md5", "The MD5 of the file is %s, not '%.*s'.", hex, FMT(want));
}

static bool put_together(struct upload_visit *v, EVP_MD_CTX *md, struct err *e)
{
	bool ok = true;
	for (size_t i = 0; ok && i < v->parts.n; i++)
		ok = !atomic_load(&v->job.cancelled) && blob_append(&v->blob, v->parts.keys[i], md ? hash_more : NULL, md, e);
	return ok && (!md || md5_fits(md, v->body.md5, e));
}

static void uploads_on_run(struct job *j)
{
	struct upload_visit *v = OWNER(j, struct upload_visit, job);
	EVP_MD_CTX *md = NULL;
	if (!blob_begin(v->store, &v->blob, v->file.id.key, &v->error))
		return;
	if (v->body.md5.p && (!(md = EVP_MD_CTX_new()) || !EVP_DigestInit_ex(md, EVP_md5(), NULL)))
		fail(&v->error, ERR_UNSUPPORTED_PARAMETER, "md5", "Unsupported parameter: 'md5'. This system's OpenSSL has no MD5.");
	if (!v->error.code && put_together(v, md, &v->error))
		v->kept = blob_keep(&v->blob, &v->error);
	else
		blob_abandon(&v->blob);
	EVP_MD_CTX_free(md);
}

static void uploads_on_done(struct job *j)
{
	struct upload_visit *v = OWNER(j, struct upload_visit, job);
	v->busy = false;
	if (!v->rq) {
		uploads_visit_free(v);
	} else if (v->error.code) {
		if (v->error.code == ERR_NOT_FOUND) { /* a part's bytes went meanwhile: so the upload ended */
			v->error = (struct err){0};
			fail(&v->error, ERR_BAD_REQUEST, "upload_id", "The upload is over.");
		}
		uploads_visit_fail(v, &v->error);
	} else {
		v->op.done = uploads_on_ended;
		store_end_upload(v->api->store, &v->op, v->project, &v->upload, &v->file);
	}
}

/* A `complete` that is sent again is answered as the first was; its file may be deleted since. */
static void on_got_file(struct store_op *op, const struct err *e)
{
	struct upload_visit *v = OWNER(op, struct upload_visit, op);
	v->has_file = e->code == ERR_NONE;
	if (e->code && e->code != ERR_NOT_FOUND)
		uploads_visit_fail(v, e);
	else
		uploads_visit_answer(v);
}

static void on_got_to_complete(struct store_op *op, const struct err *e)
{
	struct upload_visit *v = uploads_visit_of(op, e);
	struct err why = {0};
	if (!v)
		return;
	const struct stored_upload *u = &v->upload;
	if (u->status == UPLOAD_COMPLETED) {
		char id[ID_MAX];
		v->op.done = on_got_file;
		store_get_file(v->api->store, &v->op, v->project, id_text(id, "file-", &u->file), &v->arena, &v->file);
		return;
	}
	if (pending(v, &why) && v->parts.bytes != u->bytes)
		fail(&why, ERR_BAD_REQUEST, "part_ids", "The upload was announced with %lld bytes, but these parts have %lld.",
		     (long long)u->bytes, (long long)v->parts.bytes);
	int64_t now = clock_wall_s();
	v->file = (struct stored_file){.id = id_mint(), .created_at = now, .expires_at = u->file_seconds ? now + u->file_seconds : 0,
	                               .bytes = u->bytes, .purpose = u->purpose, .filename = u->filename};
	v->job.run = uploads_on_run;
	v->job.done = uploads_on_done;
	v->busy = !why.code && job_start(disk_workers(v->api), v->api->loop, &v->job);
	if (v->busy)
		return;
	if (!why.code) {
		why.retry_after_ms = 1000;
		fail(&why, ERR_BUSY, NULL, "Too many files are being written. Please retry in a moment.");
	}
	uploads_visit_fail(v, &why);
}

void upload_complete(struct request *rq)
{
	struct upload_visit *v = uploads_visit_new(rq, on_got_to_complete);
	struct err e = {0};
	yyjson_val *body;
	if (!body_parse(v, &body, &e) || !complete_read(&v->arena, body, &v->body, &e)) {
		uploads_visit_fail(v, &e);
		return;
	}
	v->parts.ids = v->body.part_ids;
	v->parts.n = v->body.n;
	store_get_upload_parts(v->api->store, &v->op, v->project, str_copy(&v->arena, rq->args[0]), &v->arena, &v->upload,
	                       &v->parts);
}

/* --- parts ----------------------------------------------------------------------------------------------- */

struct part {
	struct stored_upload upload;
	int64_t created_at;
};

static void on_part_put(struct store_op *op, const struct err *e)
{
	struct intake *in = OWNER(op, struct intake, op);
	struct part *p = in->owner;
	char id[ID_MAX], upload[ID_MAX];
	if (e->code) {
		intake_fail(in, e);
		return;
	}
	struct buf b;
	buf_init(&b, 4096);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "id", id_text(id, "part", &in->id));
	jo_kstr(&o, "object", S("upload.part"));
	jo_kint(&o, "created_at", p->created_at);
	jo_kstr(&o, "upload_id", id_text(upload, "upload", &p->upload.id));
	jo_obj_end(&o);
	intake_answer(in, buf_str(&b));
	buf_release(&b);
}

static void on_got_for_part(struct store_op *op, const struct err *e)
{
	struct intake *in = OWNER(op, struct intake, op);
	struct part *p = in->owner;
	if (e->code || !in->rq) {
		intake_fail(in, e);
		return;
	}
	p->created_at = clock_wall_s();
	in->op.done = on_part_put;
	store_put_part(in->rq->api->store, &in->op, in->rq->project, &p->upload.id, &in->id, in->bytes);
}

static void uploads_put_part(struct intake *in)
{
	struct part *p = in->owner = new(&in->arena, struct part);
	in->op.done = on_got_for_part;
	store_get_upload(in->rq->api->store, &in->op, in->rq->project, in->rq->args[0], &in->arena, &p->upload);
}

void upload_part_create(struct request *rq)
{
	static const struct intake_form form = {.file = "data", .kept = uploads_put_part};
	intake_begin(rq, &form, api_limits.upload_part_bytes);
}
