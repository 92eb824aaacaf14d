/* indexer.c - the threads that fill the indexes. */
#include "index/indexer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "measure/measure.h"
#include "index/file_text.h"
#include "index/index_limits.h"
#include "store/blob.h"
#include "store/vector_queue.h"
#include "store/nodes.h"

enum {
	THREADS_MOST = 16,
	BACKOFF_MOST = 6,
	NICE = 10,
	SWEEP_ROWS = 1000,
	FETCH_MS = INT32_MAX /* as long as it takes */
};

struct claim {
	int64_t store, file; /* store 0: idle; file 0: the whole store */
};

struct indexer {
	struct store *store;
	struct shelf *shelf;
	struct embedder *embedder;
	pthread_t threads[THREADS_MOST];
	size_t n_threads, n_begun;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	struct claim claims[THREADS_MOST];
	int64_t last_project;
	unsigned woken, failures; /* failures: of the embedder, one after the other */
	bool checked;             /* each store has been looked for its index */
	_Atomic bool renewed;     /* nothing is left of another embedder */
	_Atomic bool stopping;
};

struct hand { /* a thread's own */
	struct indexer *ix;
	size_t at;
	struct arena arena;
};

/* --- claims: under the lock -------------------------------------------------------------------------------------- */

static bool indexer_taken(const struct indexer *ix, struct claim want)
{
	for (size_t i = 0; i < ix->n_threads; i++) {
		const struct claim *c = &ix->claims[i];
		if (c->store == want.store && (!c->file || !want.file || c->file == want.file))
			return true;
	}
	return false;
}

static bool claim(struct hand *h, struct claim want)
{
	if (indexer_taken(h->ix, want))
		return false;
	h->ix->claims[h->at] = want;
	return true;
}

static void let_go(struct hand *h)
{
	pthread_mutex_lock(&h->ix->lock);
	h->ix->claims[h->at] = (struct claim){0};
	pthread_mutex_unlock(&h->ix->lock);
}

/* --- dropping ---------------------------------------------------------------------------------------------------- */

static bool indexer_drop_file(struct indexer *ix, const struct vector_gone *g, struct err *e)
{
	struct store_index *x;
	bool more = true, ok;
	if (!shelf_has(ix->shelf, g->store))
		return true;
	if (!shelf_take(ix->shelf, g->store, &x, e))
		return false;
	ok = store_index_drop(x, g->file, e);
	while (ok && more && !ix->stopping)
		ok = store_index_sweep(x, SWEEP_ROWS, &more, e);
	shelf_give(ix->shelf, g->store);
	return ok;
}

static bool indexer_drop(struct indexer *ix, const struct vector_gone *g, struct err *e)
{
	bool more = true, ok = true;
	if (!g->file && !shelf_remove(ix->shelf, g->store))
		return fail(e, ERR_BUSY, NULL, "in use");
	if (g->file && !indexer_drop_file(ix, g, e))
		return false;
	while (ok && more && !ix->stopping)
		ok = vector_gone_end(ix->store, g, &more, e);
	return ok;
}

/* --- one file ---------------------------------------------------------------------------------------------------- */

static bool read_blob(struct indexer *ix, const struct vector_task *t, struct arena *a, struct str *ret, struct err *e)
{
	size_t size = (size_t)t->bytes;
	if (t->bytes > index_limits.file_bytes)
		return fail(e, ERR_FILE_TOO_LARGE, NULL, "The file has more than %lld bytes (index.file_bytes).",
			    (long long)index_limits.file_bytes);
	struct blob_in *blob = blob_open(ix->store, t->file, e);
	if (!blob)
		return false;
	char *to = arena_bytes(a, size + 1);
	ssize_t n = blob_read_at(blob, 0, to, size, e);
	blob_close(blob);
	*ret = (struct str){to, size};
	return n == (ssize_t)size || (n >= 0 && fail(e, ERR_STORE, NULL, "A file is shorter than it was."));
}

/* What the API's `last_error` says of a failure; NULL: none of the file's doing, try again. */
static const char *indexer_fault_of(const struct err *e)
{
	switch (e->code) {
	case ERR_UNSUPPORTED_FILE:
		return "unsupported_file";
	case ERR_FILE_PARSE:
	case ERR_FILE_TOO_LARGE:
	case ERR_EMPTY_FILE:
	case ERR_CONTEXT_LENGTH:
		return "invalid_file";
	default:
		return NULL;
	}
}

static bool embed(struct indexer *ix, const struct chunks *c, size_t from, size_t to, float *ret, struct err *e)
{
	struct arena tmp = {0};
	struct str *texts = new_array(&tmp, struct str, to - from);
	for (size_t i = from; i < to; i++)
		texts[i - from] = c->windows[i].text;
	struct embed_ask ask = {.texts = texts, .n = to - from, .cancelled = &ix->stopping};
	bool ok = embedder_windows(ix->embedder, &ask, ret, e);
	arena_free(&tmp);
	return ok;
}

/* A slice at a time, so that searches and stops come between. *wanted false: it was cancelled, deleted or changed. */
static bool put_slices(struct hand *h, struct store_index *x, const struct vector_task *t, const struct index_file *f,
		       const struct chunks *c, bool *wanted, struct err *e)
{
	struct indexer *ix = h->ix;
	size_t at, slice = (size_t)index_limits.slice;
	float *vectors = f->dims ? new_array(&h->arena, float, slice * f->dims) : NULL;
	if (!store_index_begin(x, f, &at, e) || !vector_queue_wanted(ix->store, t, wanted, e))
		return false;
	while (*wanted && at < c->n_windows) {
		size_t to = at + slice < c->n_windows ? at + slice : c->n_windows;
		if (ix->stopping)
			return fail(e, ERR_UNAVAILABLE, NULL, "stopping");
		if ((vectors && !embed(ix, c, at, to, vectors, e)) || !store_index_put(x, f, c, at, to, vectors, e) ||
		    !vector_queue_wanted(ix->store, t, wanted, e))
			return false;
		at = to;
	}
	return !*wanted || store_index_flip(x, f, e);
}

static bool indexer_fill(struct hand *h, const struct vector_task *t, const struct file_text *text,
			 const struct embed_space *space, struct err *e)
{
	struct indexer *ix = h->ix;
	struct chunk_options o = {
	    .size = t->chunk_size, .overlap = t->chunk_overlap, .header = text->header, .title = text->title};
	struct index_file f = {.file = t->file, .generation = t->generation, .space = space->name, .dims = space->dims};
	struct chunks c;
	struct store_index *x;
	bool wanted, more;
	chunk_text(&h->arena, text->text, &o, &c);
	f.header = c.header;
	if (!shelf_take(ix->shelf, t->store, &x, e))
		return false;
	bool ok = put_slices(h, x, t, &f, &c, &wanted, e);
	struct vector_done done = {VECTOR_COMPLETED, (int64_t)text->text.n, space->name.p ? space->name : S(""), S(""),
				   S("")};
	if (ok && wanted && !vector_queue_end(ix->store, t, &done, e)) {
		ok = false;
		wanted = e->code != ERR_CONFLICT;
	}
	if (!space->name.p)
		ix->renewed = false; /* there may be an embedder later */
	if (!wanted) {               /* a deletion or a cancel came meanwhile */
		*e = (struct err){0};
		ok = store_index_drop(x, t->file, e);
	}
	if (ok)
		ok = store_index_sweep(x, SWEEP_ROWS, &more, e);
	shelf_give(ix->shelf, t->store);
	return ok;
}

static bool indexer_end_failed(struct indexer *ix, const struct vector_task *t, const char *fault, struct str reason)
{
	struct vector_done done = {VECTOR_FAILED, 0, S(""), str_of(fault), reason};
	struct err e = {0};
	if (vector_queue_end(ix->store, t, &done, &e) || e.code == ERR_CONFLICT)
		return true;
	log_at(LOG_ERROR, "the end of an indexing could not be kept", "error=\"%s\"", e.msg);
	return false;
}

/* What the file is embedded with. Where our own embedder cannot be had, it is found by words meanwhile. */
static bool choose_space(struct indexer *ix, const struct vector_task *t, struct embed_space *ret, struct err *e)
{
	struct err why = {0};
	if (embedder_ready(ix->embedder, FETCH_MS, &ix->stopping, &why))
		return embedder_space(ix->embedder, ret, e);
	if (ix->stopping || t->renews || !embedder_absent(ix->embedder))
		return fail(e, why.code, NULL, "%s", why.msg);
	*ret = (struct embed_space){0};
	return true;
}

static bool work_on(struct hand *h, const struct vector_task *t, struct err *e)
{
	struct indexer *ix = h->ix;
	struct embed_space space;
	struct file_text text;
	struct str bytes;
	if (!t->filename.p)
		return fail(e, ERR_FILE_PARSE, NULL, "The file was deleted.");
	if (!choose_space(ix, t, &space, e) || !vector_queue_try(ix->store, t, 1, e))
		return false;
	return read_blob(ix, t, &h->arena, &bytes, e) &&
	       file_text(&h->arena, t->filename, bytes, &ix->stopping, &text, e) &&
	       indexer_fill(h, t, &text, &space, e);
}

/* The embedder cannot take the file: it is found as it was, and not tried again. */
static bool keep_old(struct indexer *ix, const struct vector_task *t)
{
	struct embed_space space;
	struct err e = {0};
	if (!embedder_space(ix->embedder, &space, &e))
		return false;
	struct vector_done done = {VECTOR_COMPLETED, t->bytes, space.name.p ? space.name : S(""), S(""), S("")};
	return vector_queue_end(ix->store, t, &done, &e) || e.code == ERR_CONFLICT;
}

/* false: not now, and others would fare no better. */
static bool do_task(struct hand *h, const struct vector_task *t)
{
	struct err e = {0};
	int64_t began_us = clock_mono_us();
	if (t->tries >= index_limits.tries)
		return indexer_end_failed(h->ix, t, "server_error",
					  S("The indexing of the file was cut off again and again (index.tries)."));
	bool ok = work_on(h, t, &e);
	if (ok || !h->ix->stopping) {
		MEASURE_END(INDEX_FILES, ok);
		MEASURE(INDEX_SECONDS, clock_mono_us() - began_us, 0);
	}
	if (ok || h->ix->stopping)
		return ok;
	const char *fault = indexer_fault_of(&e);
	if (fault && t->renews)
		return keep_old(h->ix, t);
	if (fault)
		return indexer_end_failed(h->ix, t, fault, str_of(e.msg));
	log_at(LOG_WARN, "a file could not be indexed", "error=\"%s\"", e.msg);
	if (!t->renews)
		vector_queue_try(h->ix->store, t, -1, &e); /* of the machine's doing, so it is tried until it is done */
	return false;
}

/* --- the threads ------------------------------------------------------------------------------------------------- */

/* Of the next project that has any, the oldest that nobody works on. Under the lock. */
static bool next_task(struct hand *h, struct vector_task *ret, bool *found, struct err *e)
{
	struct indexer *ix = h->ix;
	struct vector_task list[THREADS_MOST + 1];
	int64_t first = 0, project, after = ix->last_project;
	size_t n;
	*found = false;
	for (;;) {
		if (!vector_queue_project(ix->store, after, &project, e))
			return false;
		if (!project || project == first)
			return true;
		first = first ? first : project;
		if (!vector_queue_list(ix->store, project, ix->n_threads + 1, &h->arena, list, &n, e))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (!claim(h, (struct claim){list[i].store, list[i].file}))
				continue;
			*ret = list[i];
			*found = true;
			ix->last_project = project;
			return true;
		}
		after = project;
	}
}

/* Index files may have been lost while nobody looked, or are of a time before another node led. Once, by the first thread. */
static bool indexer_check_all(struct indexer *ix, struct err *e)
{
	int64_t store = 0;
	bool old = store_led_by_other(ix->store);
	while (vector_store_next(ix->store, store, &store, e) && store && !ix->stopping)
		if ((!old || shelf_remove(ix->shelf, store)) && !shelf_has(ix->shelf, store) && !vector_queue_again(ix->store, store, e))
			return false;
	return e->code == ERR_NONE;
}

/* With nothing else to do: what another embedder made is made again. Not under the lock, since an embedder is asked;
 * ours not before there is something to do for it, and it is not waited for. By the first thread alone. */
static bool stale_task(struct hand *h, struct vector_task *ret, bool *found, struct err *e)
{
	struct indexer *ix = h->ix;
	struct embed_space space;
	struct err why = {0};
	if (ix->renewed || h->at || !embedder_space(ix->embedder, &space, &why)) /* asked later, it may be back */
		return true;
	struct str name = space.name.p ? space.name : S("");
	ix->renewed = true; /* before the look: who completes one by words meanwhile says no */
	bool ok = vector_queue_stale(ix->store, name, false, &h->arena, ret, e);
	if (ok && !ret->file)
		return true;
	ix->renewed = false;
	if (!ok)
		return false;
	if (!embedder_ready(ix->embedder, 0, &ix->stopping, &why))
		return true;
	if (!vector_queue_stale(ix->store, name, true, &h->arena, ret, e))
		return false;
	pthread_mutex_lock(&ix->lock);
	*found = ret->file && claim(h, (struct claim){ret->store, ret->file});
	pthread_mutex_unlock(&ix->lock);
	return true;
}

/* One piece of work. *idle: there was none. */
static bool indexer_round_of(struct hand *h, bool *idle, struct err *e)
{
	struct indexer *ix = h->ix;
	struct vector_gone g = {0};
	struct vector_task t;
	bool found = false, ok = true;
	*idle = true;
	if (!store_leads(ix->store)) /* one node has the indexes */
		return true;
	if (h->at == 0 && !ix->checked)
		ix->checked = indexer_check_all(ix, e);
	pthread_mutex_lock(&ix->lock);
	if (!vector_gone_next(ix->store, &g, e))
		ok = false;
	else if (g.store && !claim(h, (struct claim){g.store, g.file}))
		g.store = 0;
	if (ok && !g.store)
		ok = next_task(h, &t, &found, e);
	pthread_mutex_unlock(&ix->lock);
	if (ok && !g.store && !found)
		ok = stale_task(h, &t, &found, e);
	*idle = !g.store && !found;
	if (ok && g.store)
		ok = indexer_drop(ix, &g, e);
	else if (ok && found)
		ok = do_task(h, &t);
	let_go(h);
	arena_reset(&h->arena);
	return ok;
}

/* Until somebody wakes us; after failures longer and longer, whoever calls. Under the lock. */
static void indexer_wait_for_work(struct indexer *ix, bool failed)
{
	struct timespec until;
	int64_t ms =
	    failed ? 100 << (ix->failures < BACKOFF_MOST ? ix->failures : BACKOFF_MOST) : index_limits.again_ms;
	unsigned seen = ix->woken;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!ix->stopping && (failed || seen == ix->woken))
		if (pthread_cond_timedwait(&ix->wake, &ix->lock, &until) == ETIMEDOUT)
			break;
}

static void *thread(void *arg)
{
	struct indexer *ix = arg;
	struct hand h = {.ix = ix};
	setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone: chat comes first */
	pthread_mutex_lock(&ix->lock);
	h.at = ix->n_begun++;
	while (!ix->stopping) {
		struct err e = {0};
		bool idle;
		unsigned seen = ix->woken;
		pthread_mutex_unlock(&ix->lock);
		bool ok = indexer_round_of(&h, &idle, &e);
		if (e.code)
			log_at(LOG_WARN, "the index of vector stores waits", "error=\"%s\"", e.msg);
		if (idle && h.at == 0)
			shelf_trim(ix->shelf);
		pthread_mutex_lock(&ix->lock);
		ix->failures = ok ? 0 : ix->failures + 1;
		if (!ok || (idle && seen == ix->woken))
			indexer_wait_for_work(ix, !ok);
	}
	pthread_mutex_unlock(&ix->lock);
	arena_free(&h.arena);
	return NULL;
}

struct indexer *indexer_new(struct store *s, struct shelf *shelf, struct embedder *m)
{
	struct indexer *ix = xalloc(sizeof *ix);
	pthread_condattr_t mono;
	ix->store = s;
	ix->shelf = shelf;
	ix->embedder = m;
	pthread_mutex_init(&ix->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&ix->wake, &mono);
	pthread_condattr_destroy(&mono);
	ix->n_threads = (size_t)index_limits.threads;
	for (size_t i = 0; i < ix->n_threads; i++)
		pthread_create(&ix->threads[i], NULL, thread, ix);
	return ix;
}

void indexer_free(struct indexer *ix)
{
	if (!ix)
		return;
	pthread_mutex_lock(&ix->lock);
	ix->stopping = true;
	pthread_cond_broadcast(&ix->wake);
	pthread_mutex_unlock(&ix->lock);
	for (size_t i = 0; i < ix->n_threads; i++)
		pthread_join(ix->threads[i], NULL);
	pthread_mutex_destroy(&ix->lock);
	pthread_cond_destroy(&ix->wake);
	xfree(ix);
}

void indexer_wake(struct indexer *ix)
{
	pthread_mutex_lock(&ix->lock);
	ix->woken++;
	pthread_cond_broadcast(&ix->wake);
	pthread_mutex_unlock(&ix->lock);
}
