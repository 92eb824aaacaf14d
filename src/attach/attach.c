/* attach.c - what a prompt only names is fetched, checked and put into it. */
#include "attach/attach.h"

#include <string.h>

#include "attach/attach_read.h"
#include "door/file_threads.h"
#include "store/file.h"

struct errand { /* on the heap: its job may outlive the run */
	struct job job;
	struct attach_run *run; /* NULL: dropped */
	struct errand *next;
	size_t message, part;   /* the place in the prompt */
	bool started;           /* its job has it */
	struct attachment at;
};

struct attach_run {
	struct attach *owner;
	struct attach_to to;
	struct errand *first, **last;
	size_t n, left, bytes;
	struct store_op op;
	struct stored_file *files; /* of the errands with FROM_FILE, in order */
	struct str *ids;
	size_t n_files;
	struct deferred end;
	struct err error;
};

/* --- who answers ----------------------------------------------------------------------------------------- */

static const struct prompt_part *first_of(const struct prompt *p, enum part_kind kind)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->messages[i].n_parts; j++)
			if (p->messages[i].parts[j].kind == kind)
				return &p->messages[i].parts[j];
	return NULL;
}

/* A model that sees, before anything is fetched. */
static bool attach_choose_model(const struct attach_to *to, struct err *e)
{
	const struct api_options *o = &to->api->api->options;
	const struct prompt_part *image = first_of(to->prompt, PART_IMAGE);
	struct engine_model other;
	if (!image || to->model->vision)
		return true;
	if (!o->vision_model.n)
		return fail(e, ERR_INVALID_VALUE, image->where,
		            "Invalid value: 'input_image'. The model '%.*s' does not take images. Name one that does, or set "
		            "engine.vision_model to the model that shall answer instead.", FMT(to->model->name));
	if (!engine_find(o->engines, to->arena, o->vision_model, &other, e))
		return false;
	if (!other.vision)
		return fail(e, ERR_INVALID_VALUE, image->where,
		            "Invalid value: 'input_image'. The model '%.*s' does not take images, nor does '%.*s' "
		            "(engine.vision_model).", FMT(to->model->name), FMT(other.name));
	*to->model = other;
	return true;
}

/* --- what has to be done --------------------------------------------------------------------------------- */

static bool has_work(const struct attach_to *to, const struct prompt_part *part)
{
	if (part->kind == PART_FILE)
		return true;
	if (part->kind != PART_IMAGE)
		return false;
	/* Data that the history holds was looked at when it came; only what has to be written anew is again. */
	return part->from == FROM_FILE || (part->from == FROM_URL && !to->model->fetches_urls) ||
	       (part->from == FROM_DATA && (part->where || !attachment_is_plain(part->text)));
}

static void add_errand(struct attach_run *r, size_t message, size_t part)
{
	const struct prompt_part *p = &r->to.prompt->messages[message].parts[part];
	struct errand *w = xalloc(sizeof *w);
	*w = (struct errand){.run = r, .message = message, .part = part};
	w->at = (struct attachment){.store = r->to.api->api->options.store, .vision = r->to.model->vision,
	                            .files = r->to.model->fetches_urls, .cancelled = &w->job.cancelled};
	w->at.part = *p;
	w->at.part.text = str_copy(&w->at.arena, p->text.p ? p->text : S(""));
	w->at.part.detail = p->detail.p ? str_copy(&w->at.arena, p->detail) : (struct str){0};
	w->at.part.quality = p->quality.p ? str_copy(&w->at.arena, p->quality) : (struct str){0};
	w->at.part.where = p->where ? str_copy(&w->at.arena, str_of(p->where)).p : NULL;
	*r->last = w;
	r->last = &w->next;
	r->n++;
}

static void errand_free(struct errand *w)
{
	arena_free(&w->at.arena);
	xfree(w);
}

static void release(void *p)
{
	errand_free(p);
}

static void attach_run_free(struct attach_run *r)
{
	store_cancel(&r->op);
	defer_cancel(&r->end);
	for (struct errand *w = r->first, *next; w; w = next) {
		next = w->next;
		w->run = NULL;
		w->job.cancelled = true;
		if (!w->started)
			errand_free(w);
	}
	r->owner->run = NULL;
	xfree(r);
}

void attach_cancel(struct attach *at)
{
	if (at->run)
		attach_run_free(at->run);
}

/* --- the results ----------------------------------------------------------------------------------------- */

static void note(struct errand *w)
{
	struct attachment *at = &w->at;
	at->parts = new(&at->arena, struct prompt_part);
	at->n = 1;
	at->parts[0].kind = PART_TEXT;
	at->parts[0].text = str_fmt(&at->arena, "[%s that was here before cannot be had any more: %s]",
	                            at->part.kind == PART_IMAGE ? "An image" : "A file", at->error.msg);
}

/* The parts of one message's errands take the places of those that named them. The next message's first errand. */
static struct errand *attach_put_parts(struct attach_run *r, struct errand *first)
{
	struct prompt_message *m = &r->to.prompt->messages[first->message];
	size_t more = 0, n = 0, from = 0;
	struct errand *w;
	for (w = first; w && w->message == first->message; w = w->next)
		more += w->at.n;
	struct prompt_part *parts = new_array(r->to.arena, struct prompt_part, m->n_parts + more);
	for (w = first; w && w->message == first->message; w = w->next) {
		memcpy(parts + n, m->parts + from, (w->part - from) * sizeof *parts);
		n += w->part - from;
		from = w->part + 1;
		if (w->at.n)
			memcpy(parts + n, w->at.parts, w->at.n * sizeof *parts);
		n += w->at.n;
	}
	memcpy(parts + n, m->parts + from, (m->n_parts - from) * sizeof *parts);
	m->n_parts = n + m->n_parts - from;
	m->parts = parts;
	m->cap_parts = 0;
	return w;
}

/* No token of a text has so many bytes on the whole: more is over the context whatever the engine counts. */
enum { TOKEN_BYTES = 8 };

/* A file of the request's own that no prompt has room for. What is nearer is for the engine to count. */
static void fit(struct attach_run *r, struct attachment *at)
{
	const struct engine_model *m = r->to.model;
	r->to.prompt->files |= at->text > 0;
	if (!at->part.where || m->context <= 0 || at->text / TOKEN_BYTES <= (size_t)m->context)
		return;
	attachment_fail(at, ERR_CONTEXT_LENGTH, "The file has %zu bytes of text, which exceeds the context window of %lld "
	                "tokens of the model '%.*s'. " ATTACHMENT_SEARCH, at->text, (long long)m->context, FMT(m->name));
}

/* The first failure, in the order of the request. */
static bool attach_judge(struct attach_run *r, struct err *e)
{
	for (struct errand *w = r->first; w && !e->code; w = w->next) {
		fit(r, &w->at);
		if (w->at.error.code && w->at.part.where)
			*e = w->at.error;
		else if (w->at.error.code)
			note(w);
	}
	if (!e->code && r->bytes > (size_t)api_limits.attach_bytes)
		fail(e, ERR_FILE_TOO_LARGE, NULL, "The images and files of this request are larger than %lld bytes together "
		     "(api.attach_bytes).", (long long)api_limits.attach_bytes);
	return !e->code;
}

static void attach_on_end(struct deferred *d)
{
	struct attach_run *r = OWNER(d, struct attach_run, end);
	struct attach *owner = r->owner;
	struct err e = r->error;
	if (!e.code && attach_judge(r, &e)) {
		for (struct errand *w = r->first; w;)
			w = attach_put_parts(r, w);
		for (struct errand *w = r->first; w; w = w->next)
			arena_defer(r->to.arena, release, w);
		r->first = NULL;
	}
	attach_run_free(r);
	owner->done(owner, &e);
}

static void attach_finish(struct attach_run *r)
{
	defer_start(r->to.api->loop, &r->end, attach_on_end);
}

static void attach_on_read(struct job *j)
{
	struct errand *w = OWNER(j, struct errand, job);
	struct attach_run *r = w->run;
	w->started = false;
	if (!r) {
		errand_free(w);
		return;
	}
	r->bytes += w->at.bytes;
	if (--r->left == 0)
		attach_finish(r);
}

static void attach_on_run(struct job *j)
{
	attachment_read(&OWNER(j, struct errand, job)->at);
}

static void start_jobs(struct attach_run *r)
{
	struct err busy = {.retry_after_ms = 1000};
	for (struct errand *w = r->first; w; w = w->next) {
		if (w->at.error.code)
			continue;
		w->job.run = attach_on_run;
		w->job.done = attach_on_read;
		w->started = job_start(disk_fetchers(r->to.api), r->to.api->loop, &w->job);
		r->left += w->started;
		if (!w->started) {
			fail(&busy, ERR_BUSY, NULL, "Too many images and files are being read. Please retry in a moment.");
			w->at.error = busy;
		}
	}
	if (!r->left)
		attach_finish(r);
}

/* --- files by their ids ---------------------------------------------------------------------------------- */

static void on_files(struct store_op *op, const struct err *e)
{
	struct attach_run *r = OWNER(op, struct attach_run, op);
	size_t i = 0;
	if (e->code) {
		r->error = *e;
		attach_finish(r);
		return;
	}
	for (struct errand *w = r->first; w; w = w->next) {
		struct attachment *at = &w->at;
		if (at->part.from != FROM_FILE)
			continue;
		const struct stored_file *f = &r->files[i++];
		at->blob = f->id.key;
		if (f->id.key)
			at->name = str_copy(&at->arena, f->filename);
		else if (at->part.kind == PART_IMAGE)
			attachment_fail(at, ERR_IMAGE_NOT_FOUND, "No such File object: %.*s", FMT(at->part.text));
		else
			attachment_fail(at, ERR_NOT_FOUND, "No such File object: %.*s", FMT(at->part.text));
	}
	start_jobs(r);
}

static void find_files(struct attach_run *r)
{
	r->ids = new_array(r->to.arena, struct str, r->n);
	r->files = new_array(r->to.arena, struct stored_file, r->n);
	for (struct errand *w = r->first; w; w = w->next)
		if (w->at.part.from == FROM_FILE)
			r->ids[r->n_files++] = w->at.part.text;
	r->op.done = on_files;
	store_get_files(r->to.api->store, &r->op, r->to.project, r->ids, r->n_files, r->to.arena, r->files);
}

/* How many parts have to be fetched or read; as errands of the run, if there is one. */
static size_t attach_errands(const struct attach_to *to, struct attach_run *r)
{
	size_t n = 0;
	for (size_t i = 0; i < to->prompt->n && !to->later; i++)
		for (size_t j = 0; j < to->prompt->messages[i].n_parts; j++)
			if (has_work(to, &to->prompt->messages[i].parts[j])) {
				n++;
				if (r)
					add_errand(r, i, j);
			}
	return n;
}

bool attach_start(struct attach *at, const struct attach_to *to, struct err *e)
{
	if (!attach_choose_model(to, e))
		return false;
	size_t n = attach_errands(to, NULL);
	if ((int64_t)n > api_limits.attachments)
		return fail(e, ERR_ARRAY_TOO_LONG, "input", "Invalid 'input': too many images and files. Expected at most %lld "
			    "(api.attachments), but got %zu.", (long long)api_limits.attachments, n);
	if (!n)
		return false;
	struct attach_run *r = xalloc(sizeof *r);
	*r = (struct attach_run){.owner = at, .to = *to};
	r->last = &r->first;
	at->run = r;
	attach_errands(to, r);
	bool by_id = false;
	for (struct errand *w = r->first; w && !by_id; w = w->next)
		by_id = w->at.part.from == FROM_FILE;
	if (by_id)
		find_files(r);
	else
		start_jobs(r);
	return true;
}
