/* batch_ends.c - the end of a batch: its answers become files. */
#include "batches/batch_ends.h"

#include "base/clock.h"
#include "batches/batch_step.h"
#include "door/options.h"
#include "store/blob.h"

enum { PIECE = 1 << 20 };

bool batch_input_open(struct batch_step *st, const struct stored_batch *b, struct err *e)
{
	if (st->file.blob)
		return true;
	struct blob_in *blob = blob_open(st->store, b->input.key, e);
	if (!blob)
		return false;
	batch_file_start(&st->file, blob, b->cursor_at, b->cursor_line);
	return true;
}

/* One of the two files; made when there is something to be written. As live, one that has expired has an output, of no lines maybe. */
struct ending_file {
	const char *kind;
	struct blob blob;
	struct stored_file row;
	struct buf buf;
	bool begun, ended, kept; /* ended: kept, or nothing is left of it */
};
struct ending {
	struct batch_step *st;
	const struct stored_batch *b;
	struct ending_file files[2]; /* output, errors */
	struct err *e;
};

static bool ending_flush(struct ending *en, struct ending_file *f)
{
	if (!f->begun) {
		f->row.id = id_mint();
		if (!blob_begin(en->st->store, &f->blob, f->row.id.key, en->e))
			return false;
		f->begun = true;
	}
	bool ok = blob_write(&f->blob, buf_str(&f->buf), en->e);
	f->buf.n = 0;
	return ok;
}

static bool ending_put(struct ending *en, bool failed, struct str text)
{
	struct ending_file *f = &en->files[failed];
	buf_add(&f->buf, text);
	return f->buf.n < PIECE || ending_flush(en, f);
}

static bool ending_answer(void *ctx, const struct batch_answer *a)
{
	return ending_put(ctx, a->failed, a->text);
}

/* What was not answered when the window closed. */
static bool ending_expired(struct ending *en)
{
	struct batch_file file;
	struct batch_file_line at;
	struct batch_fault fault;
	struct arena a = {0};
	struct buf text;
	bool ok = true;
	struct blob_in *blob = en->st->file.blob;
	if (!blob) /* it was deleted before this process had begun with it */
		return true;
	buf_init(&text, SIZE_MAX / 2);
	batch_file_start(&file, blob, en->b->cursor_at, en->b->cursor_line);
	while (ok && (ok = batch_file_next(&file, &at, en->e)) && !at.end) {
		struct batch_line l;
		bool answered;
		ok = batch_answered(en->st->store, en->b->id.key, at.line, &answered, en->e);
		if (ok && !answered && !at.over && batch_line_read(&a, at.text, en->b->endpoint, &l, &fault)) {
			struct batch_answer_text t = {
			    .custom_id = l.custom_id,
			    .code = S("batch_expired"),
			    .message = S("This request could not be executed before the completion window expired.")};
			batch_answer_write(&text, &t);
			ok = ending_put(en, true, buf_str(&text));
			text.n = 0;
		}
		arena_reset(&a);
	}
	batch_file_release(&file);
	buf_release(&text);
	arena_free(&a);
	return ok;
}

static bool ending_keep(struct ending *en, struct ending_file *f)
{
	struct arena *a = &en->st->arena;
	char id[ID_MAX];
	int64_t now = clock_wall_s();
	if (f->buf.n && !ending_flush(en, f))
		return false;
	f->ended = f->begun;
	f->kept = f->begun && blob_keep(&f->blob, en->e);
	if (f->kept != f->begun)
		return false;
	f->row.created_at = now;
	f->row.expires_at = en->b->output_seconds ? now + en->b->output_seconds : 0;
	f->row.bytes = f->blob.bytes;
	f->row.purpose = S("batch_output");
	f->row.filename = str_fmt(a, "%.*s_%s.jsonl", FMT(id_text(id, "batch", &en->b->id)), f->kind);
	return true;
}

static bool ending_close(struct ending *en, enum batch_status status, struct str errors)
{
	struct webhook_event event = {id_mint(), str_fmt(&en->st->arena, "batch.%s", batch_status_names[status]),
				      api_limits.webhook_waiting};
	struct batch_end end = {.status = status,
				.output = en->files[0].kept ? &en->files[0].row : NULL,
				.error = en->files[1].kept ? &en->files[1].row : NULL,
				.errors = errors,
				.event = &event};
	return batch_close(en->st->store, en->b, &end, en->e);
}

/* Of what failed nothing stays: it will be done again. */
static void ending_free(struct ending *en, bool ok)
{
	for (size_t i = 0; i < 2; i++) {
		struct ending_file *f = &en->files[i];
		if (!ok && f->kept)
			blob_drop(en->st->store, f->row.id.key);
		else if (!ok && f->begun && !f->ended)
			blob_abandon(&f->blob);
		buf_release(&f->buf);
	}
}

static bool ending_run(struct batch_step *st, const struct stored_batch *b, enum batch_status status, struct str errors,
		       struct err *e)
{
	struct err lost = {0};
	struct ending en = {.st = st, .b = b, .files = {{.kind = "output"}, {.kind = "error"}}, .e = e};
	for (size_t i = 0; i < 2; i++)
		buf_init(&en.files[i].buf, SIZE_MAX / 2);
	if (status == BATCH_EXPIRED && !batch_input_open(st, b, &lost) && lost.code != ERR_NOT_FOUND) {
		*e = lost;
		return false;
	}
	bool ok = batch_answers(st->store, b->id.key, ending_answer, &en, e) &&
		  (status != BATCH_EXPIRED || (ending_expired(&en) && ending_flush(&en, &en.files[0]))) && ending_keep(&en, &en.files[0]) &&
		  ending_keep(&en, &en.files[1]) && ending_close(&en, status, errors);
	ending_free(&en, ok);
	return ok;
}

bool batch_ends(struct batch_step *st, const struct stored_batch *b, struct err *e)
{
	enum batch_status status = b->status == BATCH_CANCELLING ? BATCH_CANCELLED
				   : b->late                     ? BATCH_EXPIRED
								 : BATCH_COMPLETED;
	return ending_run(st, b, status, (struct str){0}, e);
}

bool batch_ends_failed(struct batch_step *st, const struct stored_batch *b, struct str errors, struct err *e)
{
	return ending_run(st, b, BATCH_FAILED, errors, e);
}
