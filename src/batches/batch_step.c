/* batch_step.c - a step of a batch, on a worker thread: what was answered is kept, and what comes next is read. */
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "batches/batch_ends.h"
#include "batches/batch_step.h"
#include "door/options.h"
#include "store/blob.h"

enum { READ_BYTES = 4 << 20, LOOK_LINES = 256, HASH = 16 };

/* --- answers ----------------------------------------------------------------------------------------------------- */

static bool step_keep(struct batch_step *st, struct err *e)
{
	struct batch_answer *list = new_array(&st->arena, struct batch_answer, st->answers.n);
	struct batch_progress p = {
	    .answers = list, .model = S(""), .cursor_line = st->cursor_line, .cursor_at = st->cursor_at};
	for (const struct line *l = st->answers.first; l; l = l->next) {
		list[p.n++] = (struct batch_answer){l->number, l->failed, buf_str(&l->answer)};
		*(l->failed ? &p.add.failed : &p.add.completed) += 1;
		p.add.input += l->use.input;
		p.add.cached += l->use.cached;
		p.add.output += l->use.output;
		p.add.reasoning += l->use.reasoning;
		if (l->use.model.n)
			p.model = l->use.model;
	}
	if (!batch_keep(st->store, st->key, &p, e))
		return false;
	st->kept += p.n;
	lines_free(&st->answers);
	return true;
}

/* --- the input --------------------------------------------------------------------------------------------------- */

static void line_add(struct batch_step *st, const struct batch_file_line *from, const struct batch_line *got)
{
	struct line *l = xalloc(sizeof *l + got->custom_id.n + got->body.n);
	l->number = from->line;
	l->at = from->at;
	memcpy(l->text, got->custom_id.p, got->custom_id.n);
	memcpy(l->text + got->custom_id.n, got->body.p, got->body.n);
	l->custom_id = (struct str){l->text, got->custom_id.n};
	l->body = (struct str){l->text + got->custom_id.n, got->body.n};
	lines_add(&st->read, l);
}

/* The next lines that have no answer yet. */
static bool step_read(struct batch_step *st, const struct stored_batch *b, struct err *e)
{
	struct batch_file_line at;
	struct batch_fault fault;
	size_t bytes = 0;
	while (st->read.n < st->want && bytes < READ_BYTES && !st->at_end) {
		struct batch_line got;
		bool answered;
		if (!batch_file_next(&st->file, &at, e))
			return false;
		st->at_end = at.end;
		if (at.end)
			break;
		if (!batch_answered(st->store, st->key, at.line, &answered, e))
			return false;
		if (answered)
			continue;
		if (at.over || !batch_line_read(&st->arena, at.text, b->endpoint, &got, &fault))
			return fail(e, ERR_STORE, NULL, "The input file has changed.");
		line_add(st, &at, &got);
		bytes += at.text.n;
	}
	return true;
}

/* --- validating -------------------------------------------------------------------------------------------------- */

struct id_set { /* hashes of custom_ids */
	uint8_t (*slots)[HASH];
	size_t n, cap; /* cap: a power of two */
};

static uint8_t *set_slot(const struct id_set *s, const uint8_t hash[HASH])
{
	static const uint8_t none[HASH];
	size_t at;
	for (memcpy(&at, hash, sizeof at);; at++) {
		uint8_t *slot = s->slots[at & (s->cap - 1)];
		if (!memcmp(slot, none, HASH) || !memcmp(slot, hash, HASH))
			return slot;
	}
}

static void set_grow(struct id_set *s)
{
	struct id_set more = {.n = s->n, .cap = s->cap ? s->cap * 2 : 1024};
	static const uint8_t none[HASH];
	more.slots = xalloc(more.cap * HASH);
	for (size_t i = 0; i < s->cap; i++)
		if (memcmp(s->slots[i], none, HASH))
			memcpy(set_slot(&more, s->slots[i]), s->slots[i], HASH);
	xfree(s->slots);
	*s = more;
}

/* false: it was there. */
static bool set_add(struct id_set *s, struct str id)
{
	uint8_t hash[HASH];
	crypto_generichash(hash, HASH, (const uint8_t *)id.p, id.n, NULL, 0);
	hash[0] |= 1; /* never all zero: that is a free slot */
	if (s->n * 2 >= s->cap)
		set_grow(s);
	uint8_t *slot = set_slot(s, hash);
	if (!memcmp(slot, hash, HASH))
		return false;
	memcpy(slot, hash, HASH);
	s->n++;
	return true;
}

struct check {
	struct batch_step *st;
	const struct stored_batch *b;
	struct batch_file file;
	struct arena arena; /* of one line */
	struct id_set ids;
	struct buf faults;
	struct jout out;
	int64_t n_faults, total;
	struct str model;
};

static void check_fault(struct check *c, struct batch_fault *f, int64_t line)
{
	f->line = line;
	if (c->n_faults++ < api_limits.batch_errors)
		batch_fault_write(&c->out, f);
}

static bool check_line(struct check *c, const struct batch_file_line *at, struct batch_fault *f)
{
	struct batch_line got;
	if (at->over)
		return batch_fault(f, "line_too_long", NULL,
				   "This line has more than %lld bytes (api.batch_line_bytes).",
				   (long long)api_limits.batch_line_bytes);
	if (!batch_line_read(&c->arena, at->text, c->b->endpoint, &got, f))
		return false;
	if (!set_add(&c->ids, got.custom_id))
		return batch_fault(
		    f, "duplicate_custom_id", "custom_id",
		    "The custom_id for this request is a duplicate of another request. The custom_id parameter "
		    "must be unique for each request in a batch.");
	if (!c->model.n && got.model.n)
		c->model = str_copy(&c->st->arena, got.model);
	return true;
}

/* false: stopped, or the file cannot be read. */
static bool check_lines(struct check *c, struct err *e)
{
	struct batch_file_line at;
	struct batch_fault f;
	for (;;) {
		if (c->total % LOOK_LINES == 0 && atomic_load(&c->st->job.cancelled))
			return fail(e, ERR_UNAVAILABLE, NULL, "stopping");
		if (!batch_file_next(&c->file, &at, e))
			return false;
		if (at.end)
			break;
		if (++c->total > api_limits.batch_lines) {
			batch_fault(&f, "too_many_requests", NULL,
				    "The file has more than %lld lines (api.batch_lines).",
				    (long long)api_limits.batch_lines);
			check_fault(c, &f, at.line);
			return true;
		}
		if (!check_line(c, &at, &f))
			check_fault(c, &f, at.line);
		arena_reset(&c->arena);
	}
	if (!c->total &&
	    !batch_fault(&f, "empty_file", NULL, "The input file is empty: a batch needs at least one request."))
		check_fault(c, &f, 0);
	return true;
}

static bool check_size(struct check *c)
{
	struct batch_fault f;
	if (blob_bytes(c->file.blob) <= api_limits.batch_bytes)
		return true;
	batch_fault(&f, "file_too_large", NULL, "The input file has more than %lld bytes (api.batch_bytes).",
		    (long long)api_limits.batch_bytes);
	check_fault(c, &f, 0);
	return false;
}

static bool step_validate(struct batch_step *st, const struct stored_batch *b, struct err *e)
{
	struct check c = {.st = st, .b = b};
	buf_init(&c.faults, SIZE_MAX / 2);
	c.out = (struct jout){&c.faults, false};
	batch_file_start(&c.file, st->file.blob, 0, 0);
	jo_arr(&c.out);
	bool ok = !check_size(&c) || check_lines(&c, e);
	jo_arr_end(&c.out);
	if (ok && c.n_faults)
		ok = batch_ends_failed(st, b, buf_str(&c.faults), e);
	else if (ok)
		ok = batch_begin(st->store, st->key, c.total, c.model, e);
	batch_file_release(&c.file);
	arena_free(&c.arena);
	xfree(c.ids.slots);
	buf_release(&c.faults);
	return ok;
}

/* --- a step ------------------------------------------------------------------------------------------------------ */

/* Its bytes went before the first of them was read. */
static bool step_lost(struct batch_step *st, const struct stored_batch *b, struct err *e)
{
	struct batch_fault f;
	struct buf text;
	buf_init(&text, 4096);
	struct jout o = {&text, false};
	batch_fault(&f, "input_file_not_found", "input_file_id", "The input file is gone.");
	f.line = 0;
	jo_arr(&o);
	batch_fault_write(&o, &f);
	jo_arr_end(&o);
	*e = (struct err){0};
	bool ok = batch_ends_failed(st, b, buf_str(&text), e);
	buf_release(&text);
	return ok;
}

static bool step_open_batch(struct batch_step *st, const struct stored_batch *b, struct err *e)
{
	bool late = b->expires_at <= clock_wall_s();
	if (!batch_input_open(st, b, e))
		return e->code == ERR_NOT_FOUND && step_lost(st, b, e);
	if (b->status == BATCH_VALIDATING)
		return step_validate(st, b, e);
	if (st->idle && (st->at_end || late))
		return batch_finalize(st->store, st->key, b->counts.completed + b->counts.failed < b->counts.total, e);
	return late || step_read(st, b, e);
}

static bool step_work(struct batch_step *st, struct err *e)
{
	struct stored_batch b;
	bool more = false;
	if (st->answers.n && !step_keep(st, e))
		return false;
	if (!batch_again(st->store, st->key, &st->arena, &b, e))
		return false;
	st->status = b.status;
	st->expires_at = b.expires_at;
	st->endpoint = (struct str){st->endpoint_text, b.endpoint.n < sizeof st->endpoint_text ? b.endpoint.n : 0};
	memcpy(st->endpoint_text, b.endpoint.p, st->endpoint.n);
	switch (b.status) {
	case BATCH_VALIDATING:
	case BATCH_IN_PROGRESS:
		return step_open_batch(st, &b, e);
	case BATCH_FINALIZING:
		return batch_ends(st, &b, e);
	case BATCH_CANCELLING:
		return !st->idle || batch_ends(st, &b, e);
	default:
		if (!batch_tidy(st->store, st->key, &more, e))
			return false;
		st->over = !more;
		return true;
	}
}

void batch_step_run(struct job *j)
{
	struct batch_step *st = OWNER(j, struct batch_step, job);
	st->error = (struct err){0};
	arena_reset(&st->arena);
	step_work(st, &st->error);
}
