/* file_form.c - a multipart form with files in it, whose bytes go to a blob while they come. */
#include "door/file_form.h"

#include <stdio.h>
#include <string.h>

#include "door/file_threads.h"
#include "net/body_sink.h"
#include "wire/json.h"
#include "wire/multipart.h"

enum { PIECE = 256 * 1024, FORM_ROOM = 64 * 1024 /* what a form may have beside its file */ };
enum { NO_PART = -1, FILE_PART = -2 };

struct intake_run {
	struct intake in;
	struct api_loop *api;
	struct job job;
	bool busy, last; /* the job runs; it is to be the last one */
	struct multipart form;
	struct body_sink sink;
	struct reader reader;
	struct leftover leftover;
	int part;  /* which field comes: a number, or one of the above */
	struct intake_file **file_at, *file; /* where the next one is linked in; the last that came */
	bool ended, held, dropped;
	int64_t most;
	struct buf filling, flight, value;
	struct err error; /* the first that a piece met */
	/* the job's, while it runs */
	struct blob blob;
	enum { BLOB_NONE, BLOB_BEGUN, BLOB_KEPT } stage;
	struct err job_error;
};

/* --- the end --------------------------------------------------------------------------------------------- */

static void file_form_run_free(struct intake_run *r)
{
	store_cancel(&r->in.op);
	leftover_remove(&r->leftover);
	if (r->stage == BLOB_BEGUN)
		blob_abandon(&r->blob);
	else if (r->stage == BLOB_KEPT)
		blob_drop(r->in.store, r->in.id.key);
	multipart_release(&r->form);
	buf_release(&r->filling);
	buf_release(&r->flight);
	buf_release(&r->value);
	arena_free(&r->in.arena);
	xfree(r);
}

/* Who has no client any more goes, as soon as its job lets it. */
static void file_form_drop(struct intake_run *r)
{
	if (!r->dropped && r->in.rq)
		r->api->disk->n_intakes--;
	r->dropped = true;
	r->in.rq = NULL;
	if (!r->busy)
		file_form_run_free(r);
}

void intake_answer(struct intake *in, struct str json)
{
	struct intake_run *r = in->run;
	if (!in->form->work)
		r->stage = BLOB_NONE;
	if (in->rq) {
		exchange_unwatch(in->rq->x);
		answer_json(in->rq, 200, json);
	}
	file_form_drop(r);
}

void intake_fail(struct intake *in, const struct err *e)
{
	if (in->rq) {
		exchange_unwatch(in->rq->x);
		answer_error(in->rq->x, e);
	}
	file_form_drop(in->run);
}

/* --- to the disk ----------------------------------------------------------------------------------------- */

static void file_form_on_run(struct job *j)
{
	struct intake_run *r = OWNER(j, struct intake_run, job);
	struct err *e = &r->job_error;
	if (r->stage == BLOB_NONE) {
		if (!blob_begin(r->in.store, &r->blob, r->in.id.key, e))
			return;
		r->stage = BLOB_BEGUN;
	}
	if (!blob_write(&r->blob, buf_str(&r->flight), e) || !r->last)
		return;
	/* Kept or not, the writer has ended. */
	r->stage = blob_keep(&r->blob, e) ? BLOB_KEPT : BLOB_NONE;
	if (r->stage == BLOB_KEPT && r->in.form->work && r->in.form->work(&r->in, e) && r->in.stays)
		r->stage = BLOB_NONE;
}

static void file_form_on_done(struct job *j);

static void file_form_start_job(struct intake_run *r, bool last)
{
	struct buf empty = r->flight;
	r->flight = r->filling;
	r->filling = empty;
	buf_clear(&r->filling);
	r->last = last;
	r->busy = true;
	r->job.run = file_form_on_run;
	r->job.done = file_form_on_done;
	if (job_start(last && r->in.form->work ? disk_readers(r->api) : disk_workers(r->api), r->api->loop, &r->job))
		return;
	r->busy = false;
	r->error.retry_after_ms = 1000;
	fail(&r->error, ERR_BUSY, NULL, "Too many files are being written. Please retry in a moment.");
}

/* The loop ends; whether the row was written shows at the next start. */
static void file_form_on_loop_end(struct leftover *l)
{
	struct intake_run *r = OWNER(l, struct intake_run, leftover);
	r->stage = BLOB_NONE;
	file_form_run_free(r);
}

/* A row's write goes on without its client. */
static void file_form_on_reader_gone(struct reader *reader)
{
	struct intake_run *r = OWNER(reader, struct intake_run, reader);
	r->api->disk->n_intakes--;
	r->in.rq = NULL;
	atomic_store(&r->job.cancelled, true);
	if (r->in.op.request) {
		leftover_add(r->api, &r->leftover, file_form_on_loop_end);
		return;
	}
	r->dropped = true;
	if (!r->busy)
		file_form_run_free(r);
}

static void on_reader_room(struct reader *reader)
{
}

static void file_form_on_done(struct job *j)
{
	struct intake_run *r = OWNER(j, struct intake_run, job);
	r->busy = false;
	if (r->dropped) {
		file_form_run_free(r);
		return;
	}
	if (r->job_error.code && !r->error.code)
		r->error = r->job_error;
	if (!r->ended) {
		if (!r->error.code && r->filling.n >= PIECE)
			file_form_start_job(r, false);
		if (r->held) {
			r->held = false;
			exchange_hold(r->in.rq->x, false);
		}
		return;
	}
	if (!r->error.code && !r->last) {
		file_form_start_job(r, true);
		if (!r->error.code)
			return;
	}
	if (r->error.code)
		intake_fail(&r->in, &r->error); /* any of these may free it */
	else if (r->in.form->work)
		intake_answer(&r->in, r->in.answer);
	else
		r->in.form->kept(&r->in);
}

/* --- the form -------------------------------------------------------------------------------------------- */

static bool file_form_take_file(struct intake_run *r, const struct multipart_head *h, struct err *e)
{
	struct intake *in = &r->in;
	const struct intake_form *f = in->form;
	bool listed = f->list && str_eq(h->name, str_of(f->list));
	struct intake_file *one = new (&in->arena, struct intake_file);
	if (in->files && !f->list)
		return fail(e, ERR_BAD_REQUEST, f->file, "Duplicate parameter: '%s'.", f->file);
	if (f->list && (int64_t)in->n_files >= *f->most)
		return fail(e, ERR_ARRAY_TOO_LONG, f->file, "Invalid '%s': array too long. Expected an array with maximum length %lld.",
			    f->file, (long long)*f->most);
	if (f->named && !h->filename.p)
		return fail(e, ERR_INVALID_TYPE, f->file, "Invalid type for '%s': expected a file, but got a string instead.",
			    f->file);
	*one = (struct intake_file){.name = str_of(listed ? f->list : f->file),
				    .filename = h->filename.p ? str_copy(&in->arena, h->filename) : (struct str){0}};
	if (!in->n_files)
		in->filename = one->filename;
	*r->file_at = one;
	r->file_at = &one->next;
	r->file = one;
	in->n_files++;
	r->part = FILE_PART;
	return true;
}

static bool file_form_on_part(struct multipart *m, const struct multipart_head *h, struct err *e)
{
	struct intake_run *r = OWNER(m, struct intake_run, form);
	const struct intake_form *f = r->in.form;
	struct intake *in = &r->in;
	r->part = NO_PART;
	if (str_eq(h->name, str_of(f->file)) || (f->list && str_eq(h->name, str_of(f->list))))
		return file_form_take_file(r, h, e);
	const char *name = str_copy(&in->arena, h->name).p;
	for (int i = 0; i < INTAKE_FIELDS && f->fields[i]; i++)
		if (str_eq(h->name, str_of(f->fields[i])))
			r->part = i;
	if (r->part == NO_PART)
		return fail(e, ERR_UNKNOWN_PARAMETER, name, "Unknown parameter: '%s'.", name);
	if (in->values[r->part].p)
		return fail(e, ERR_BAD_REQUEST, name, "Duplicate parameter: '%s'.", name);
	buf_clear(&r->value);
	return true;
}

static bool file_form_on_bytes(struct multipart *m, struct str bytes, struct err *e)
{
	struct intake_run *r = OWNER(m, struct intake_run, form);
	if (r->part == FILE_PART) {
		r->in.bytes += (int64_t)bytes.n;
		r->file->bytes += (int64_t)bytes.n;
		if (r->in.bytes > r->most)
			return fail(e, ERR_TOO_LARGE, r->in.form->file, "The file is larger than %lld bytes.", (long long)r->most);
		buf_add(&r->filling, bytes);
		return true;
	}
	buf_add(&r->value, bytes);
	const char *name = r->in.form->fields[r->part];
	return !r->value.over || fail(e, ERR_STRING_TOO_LONG, name, "Invalid '%s': string too long.", name);
}

static bool on_part_end(struct multipart *m, struct err *e)
{
	struct intake_run *r = OWNER(m, struct intake_run, form);
	if (r->part == FILE_PART)
		return true;
	const char *name = r->in.form->fields[r->part];
	if (!utf8_valid(buf_str(&r->value)))
		return fail(e, ERR_INVALID_VALUE, name, "Invalid '%s': not valid UTF-8.", name);
	r->in.values[r->part] = str_copy(&r->in.arena, buf_str(&r->value));
	return true;
}

static const struct multipart_events form_events = {file_form_on_part, file_form_on_bytes, on_part_end};

/* --- the body -------------------------------------------------------------------------------------------- */

static bool file_form_on_piece(struct body_sink *k, struct str bytes, struct err *e)
{
	struct intake_run *r = OWNER(k, struct intake_run, sink);
	if (!r->error.code && multipart_feed(&r->form, bytes, &r->error) && r->filling.n >= PIECE) {
		if (!r->busy) {
			file_form_start_job(r, false);
		} else if (!r->held) {
			r->held = true;
			exchange_hold(r->in.rq->x, true);
		}
	}
	if (r->error.code)
		*e = r->error;
	return !r->error.code;
}

static void file_form_on_cut(struct body_sink *k)
{
	file_form_drop(OWNER(k, struct intake_run, sink));
}

static bool file_form_complete(struct intake_run *r, struct err *e)
{
	const char *file = r->in.form->file;
	if (e->code || !multipart_end(&r->form, e))
		return false;
	if (!r->in.n_files)
		return fail(e, ERR_MISSING_PARAMETER, file, "Missing required parameter: '%s'.", file);
	return !r->in.form->check || r->in.form->check(&r->in, e);
}

static void file_form_on_end(struct body_sink *k)
{
	struct intake_run *r = OWNER(k, struct intake_run, sink);
	r->ended = true;
	if (file_form_complete(r, &r->error)) {
		exchange_watch(r->in.rq->x, &r->reader);
		if (!r->busy)
			file_form_start_job(r, true);
	}
	if (r->error.code)
		intake_fail(&r->in, &r->error);
}

/* What work() may read when the client, and the request with it, has gone. */
static void intake_for_work(struct intake_run *r)
{
	struct intake *in = &r->in;
	in->store = r->api->api->options.store;
	in->containers = r->api->api->options.containers;
	in->project = in->rq->project;
	in->cancelled = &r->job.cancelled;
	for (int i = 0; i < 2; i++)
		in->args[i] = in->rq->args[i].p ? str_copy(&in->arena, in->rq->args[i]) : (struct str){0};
}

struct intake *intake_begin(struct request *rq, const struct intake_form *form, int64_t most)
{
	struct err e = {0};
	struct intake_run *r = xalloc(sizeof *r);
	*r = (struct intake_run){.in = {.form = form, .rq = rq, .id = id_mint(), .run = r}, .api = rq->api,
				 .sink = {file_form_on_piece, file_form_on_end, file_form_on_cut}, .reader = {file_form_on_reader_gone, on_reader_room},
				 .most = most};
	r->file_at = &r->in.files;
	intake_for_work(r);
	buf_init(&r->filling, SIZE_MAX / 2);
	buf_init(&r->flight, SIZE_MAX / 2);
	buf_init(&r->value, INTAKE_VALUE);
	rq->api->disk->n_intakes++;
	bool ok = multipart_init(&r->form, &form_events, exchange_header(rq->x, S("content-type")), INTAKE_FIELDS + (form->list ? (unsigned)*form->most + 1 : 1), &e);
	if (ok && (int64_t)rq->api->disk->n_intakes > api_limits.file_intakes) {
		e.retry_after_ms = 1000;
		ok = fail(&e, ERR_BUSY, NULL, "Too many files are being sent (api.file_intakes = %lld). Please retry in a moment.",
		          (long long)api_limits.file_intakes);
	}
	if (!ok) {
		answer_error(rq->x, &e);
		file_form_drop(r);
		return NULL;
	}
	exchange_sink(rq->x, &r->sink, most + FORM_ROOM);
	return &r->in;
}
