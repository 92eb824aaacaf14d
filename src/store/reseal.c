/* reseal.c - what was stored under another setting or key, rewritten in the background. */
#include "store/reseal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "store/kinds.h"
#include "store/lend.h"
#include "store/seal_bytes.h"
#include "store/sealed.h"

enum {
	SLICE_ROWS = 100,
	SLICE_BYTES = 4 << 20,
	REST_MS = 5, /* between two slices, so that whoever waits for the disk comes first */
	RETRY_MS = 10000,
	NOTE = 64,
};

struct resealer {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	bool started, stop, woken;
	struct reseal_state state;
};

/* --- what is written down ---------------------------------------------------------------------------------------- */

struct reseal_note {
	char text[NOTE];
};

static bool reseal_on_note(void *ctx, const struct cell *cells)
{
	struct reseal_note *n = ctx;
	snprintf(n->text, sizeof n->text, "%.*s", FMT(cells[0].s));
	return false;
}

static bool reseal_note(struct store *s, struct str name, struct reseal_note *ret, struct err *e)
{
	struct lent_query q = {.stmt = STMT_META_GET, .binds = {TEXT(name)}, .n_binds = 1, .row = reseal_on_note};
	*ret = (struct reseal_note){""};
	return lent_rows(s, &q, ret, e);
}

static bool reseal_write(struct store *s, struct str name, const char *text, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 2, 2 * NOTE);
	ADD(r, STMT_META_SET, TEXT(name), BLOB(str_of(text)));
	return store_write(s, r, e);
}

/* What all of the store should be: 0 open, or the newest key. */
static uint32_t reseal_target(const struct store *s)
{
	return s->sealer->encrypts ? seal_newest(s) : 0;
}

/* --- one slice of a column --------------------------------------------------------------------------------------- */

struct reseal_row {
	struct bind keys[SEALED_KEYS], old, new;
};
struct reseal_slice {
	struct store *store;
	enum sealed_column column;
	uint32_t target;
	struct arena arena;
	struct reseal_row rows[SLICE_ROWS];
	size_t n, seen, bytes;
	struct bind after[SEALED_KEYS]; /* the keys of the last row that was seen */
	int64_t failed;
};

/* Columns that name a row: those that are bound to besides stand behind them. */
static unsigned reseal_count(const char *list)
{
	unsigned n = 1;
	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* Is the value as it should be? What looks sealed when it is opened stays sealed, and is no matter. */
static bool reseal_done(const struct reseal_slice *g, struct str value)
{
	return !value.n || sealed_key(value) == g->target;
}

static void reseal_take(struct reseal_slice *g, struct bind old, const struct bind *keys)
{
	struct reseal_row *row = &g->rows[g->n];
	struct err e = {0};
	struct str plain;
	if (!sealed_open(g->store, g->column, keys, old.s, &g->arena, &plain, &e)) {
		g->failed++;
		return;
	}
	*row = (struct reseal_row){.old = old, .new = old};
	row->old.s = str_copy(&g->arena, old.s);
	memcpy(row->keys, keys, sizeof row->keys);
	row->new.s = plain;
	if (g->target || sealed_is(plain))
		row->new = sealed_value(g->store, g->column, keys, row->new, &g->arena);
	g->bytes += row->old.s.n + row->new.s.n;
	if (g->target || !sealed_is(plain))
		g->n++;
}

static bool reseal_on_row(void *ctx, const struct cell *cells)
{
	struct reseal_slice *g = ctx;
	const struct sealed_row *row = &sealed_rows[g->column];
	struct bind keys[SEALED_KEYS] = {0};
	unsigned n = reseal_count(row->keys) + (*row->also ? 1 : 0);
	for (unsigned i = 0; i < n; i++)
		keys[i] = cells[i + 1].s.p ? TEXT(str_copy(&g->arena, cells[i + 1].s)) : INT(cells[i + 1].i);
	memcpy(g->after, keys, sizeof keys);
	g->seen++;
	if (!reseal_done(g, cells[0].s))
		reseal_take(g, sealed_is_text(g->column) ? TEXT(cells[0].s) : BLOB(cells[0].s), keys);
	return g->seen < SLICE_ROWS && g->bytes < SLICE_BYTES;
}

static bool reseal_read(struct reseal_slice *g, struct err *e)
{
	const struct sealed_row *row = &sealed_rows[g->column];
	struct lent_query q = {.stmt = row->next,
			       .binds = {INT(SLICE_ROWS)},
			       .n_binds = 1 + reseal_count(row->keys),
			       .row = reseal_on_row};
	for (unsigned i = 1; i < q.n_binds; i++)
		q.binds[i] = g->after[i - 1];
	g->n = g->seen = g->bytes = 0;
	return lent_rows(g->store, &q, g, e);
}

/* A row that somebody changed between reading and writing is as it should be already. */
static bool reseal_rewrite(struct reseal_slice *g, const char *at, struct err *e)
{
	const struct sealed_row *row = &sealed_rows[g->column];
	unsigned n_keys = reseal_count(row->keys);
	size_t bytes = 2 * NOTE;
	for (size_t i = 0; i < g->n; i++) {
		bytes += g->rows[i].old.s.n + g->rows[i].new.s.n;
		for (unsigned k = 0; k < n_keys; k++)
			bytes += g->rows[i].keys[k].kind == BIND_TEXT ? g->rows[i].keys[k].s.n : 0;
	}
	struct store_request *r = request_new(NULL, NULL, g->n + 1, g->n * (2 + SEALED_KEYS) + 2, bytes);
	for (size_t i = 0; i < g->n; i++) {
		struct bind binds[2 + SEALED_KEYS] = {g->rows[i].new, g->rows[i].old};
		memcpy(binds + 2, g->rows[i].keys, sizeof g->rows[i].keys);
		request_add(r, row->set, binds, 2 + n_keys);
	}
	ADD(r, STMT_META_SET, TEXT(S("sealing")), BLOB(str_of(at)));
	return store_write(g->store, r, e);
}

/* --- the walk ---------------------------------------------------------------------------------------------------- */

struct reseal_walk {
	struct resealer *re;
	uint32_t target;
	int step;     /* the column, or behind them the blobs */
	int64_t from; /* the first key of the row to go on behind */
};

/* false: it is to end. */
static bool reseal_rest(struct resealer *re, long ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&re->lock);
	if (!re->stop)
		pthread_cond_timedwait(&re->wake, &re->lock, &until);
	bool goes_on = !re->stop;
	pthread_mutex_unlock(&re->lock);
	return goes_on;
}

static void reseal_tell(struct resealer *re, int step, size_t rows, int64_t failed)
{
	pthread_mutex_lock(&re->lock);
	re->state.step = step;
	re->state.rows += (int64_t)rows;
	re->state.failed += failed;
	pthread_mutex_unlock(&re->lock);
}

/* From the keys after `from`: the same rows once more where several have that key. */
static void reseal_place(struct reseal_slice *g, int64_t from)
{
	const struct sealed_row *row = &sealed_rows[g->column];
	bool texts = str_starts(str_of(row->keys), S("project, ")); /* of an idempotency key */
	g->after[0] = INT(from);
	for (unsigned i = 1; i < SEALED_KEYS; i++)
		g->after[i] = texts ? TEXT(S("")) : INT(-1);
}

/* What the keys behind which it goes on are made of outlives the slice. */
static void reseal_clear(struct reseal_slice *g)
{
	struct arena old = g->arena;
	g->arena = (struct arena){0};
	for (unsigned i = 0; i < SEALED_KEYS; i++)
		if (g->after[i].kind == BIND_TEXT)
			g->after[i].s = str_copy(&g->arena, g->after[i].s);
	arena_free(&old);
}

/* false with nothing in *e: the store closes. */
static bool reseal_column(struct reseal_walk *w, struct err *e)
{
	struct reseal_slice *g = xalloc(sizeof *g);
	bool ok = true;
	g->store = w->re->store;
	g->column = (enum sealed_column)w->step;
	g->target = w->target;
	reseal_place(g, w->from);
	do {
		char at[NOTE];
		reseal_clear(g);
		g->failed = 0;
		ok = reseal_read(g, e);
		snprintf(at, sizeof at, "%u %d %" PRId64, w->target, w->step, g->after[0].i);
		ok = ok && (!g->n || reseal_rewrite(g, at, e));
		reseal_tell(w->re, w->step, ok ? g->n : 0, g->failed);
		ok = ok && reseal_rest(w->re, g->n ? REST_MS : 0);
	} while (ok && (g->seen == SLICE_ROWS || g->bytes >= SLICE_BYTES));
	arena_free(&g->arena);
	xfree(g);
	return ok;
}

/* All of it once; resumed where `sealing` says so. */
static bool reseal_walk(struct reseal_walk *w, struct err *e)
{
	struct reseal_note note;
	uint32_t target = 0;
	int64_t from = -1;
	int step = 0;
	if (!reseal_note(w->re->store, S("sealing"), &note, e))
		return false;
	bool resumes =
	    sscanf(note.text, "%u %d %" SCNd64, &target, &step, &from) == 3 && target == w->target && step >= 0;
	w->step = resumes ? step : 0;
	w->from = resumes ? from - 1 : -1; /* rows of the same first key may be left */
	for (; w->step < SEALED_COUNT; w->step++, w->from = -1)
		if (!reseal_column(w, e))
			return false;
	return true;
}

static bool reseal_finish(struct reseal_walk *w, bool scrub, struct err *e)
{
	char text[NOTE];
	int64_t held;
	snprintf(text, sizeof text, "%u", w->target);
	return (!scrub || kinds_scrub(w->re->store, &held, e)) && reseal_write(w->re->store, S("sealing"), "", e) &&
	       reseal_write(w->re->store, S("sealed"), text, e);
}

/* One pass, if there is anything to do. *done: there is not, or it is done. */
static bool reseal_pass(struct resealer *re, bool *done, struct err *e)
{
	struct reseal_walk w = {.re = re, .target = reseal_target(re->store)};
	struct reseal_note is;
	if (!reseal_note(re->store, S("sealed"), &is, e))
		return false;
	bool open = !*is.text || !strcmp(is.text, "0"), mixed = !strcmp(is.text, "mixed");
	*done = open ? !w.target : !mixed && strtoul(is.text, NULL, 10) == w.target;
	pthread_mutex_lock(&re->lock);
	re->state.busy = !*done;
	pthread_mutex_unlock(&re->lock);
	if (*done)
		return true;
	log_at(LOG_INFO, "what is stored is rewritten", "to=%s", w.target ? "sealed" : "open");
	/* Texts that lay open are in free pages and the log. */
	if (!reseal_walk(&w, e) || !reseal_finish(&w, w.target && mixed, e))
		return false;
	log_at(LOG_INFO, "what is stored is rewritten: done", "to=%s rows=%lld", w.target ? "sealed" : "open",
	       (long long)re->state.rows);
	return true;
}

static void *reseal_main(void *arg)
{
	struct resealer *re = arg;
	for (bool goes_on = true; goes_on;) {
		struct err e = {0};
		bool done = false;
		if (!reseal_pass(re, &done, &e) && e.code)
			log_at(LOG_WARN, "what is stored could not be rewritten, which is tried again", "reason=\"%s\"",
			       e.msg);
		if (e.code) {
			goes_on = reseal_rest(re, RETRY_MS);
			continue;
		}
		pthread_mutex_lock(&re->lock);
		while (done && !re->stop && !re->woken)
			pthread_cond_wait(&re->wake, &re->lock);
		re->woken = false;
		goes_on = !re->stop;
		pthread_mutex_unlock(&re->lock);
	}
	return NULL;
}

/* --- its life ---------------------------------------------------------------------------------------------------- */

bool reseal_start(struct store *s, struct err *e)
{
	struct resealer *re = s->resealer = xalloc(sizeof *re);
	re->store = s;
	pthread_mutex_init(&re->lock, NULL);
	pthread_cond_init(&re->wake, NULL);
	re->started = pthread_create(&re->thread, NULL, reseal_main, re) == 0;
	if (re->started)
		pthread_setname_np(re->thread, "store-sealing");
	return re->started || fail(e, ERR_STORE, NULL, "cannot start the store's thread for sealing");
}

static void reseal_signal(struct resealer *re, bool stop)
{
	pthread_mutex_lock(&re->lock);
	re->stop |= stop;
	re->woken = true;
	pthread_cond_signal(&re->wake);
	pthread_mutex_unlock(&re->lock);
}

void reseal_stop(struct store *s)
{
	struct resealer *re = s->resealer;
	if (!re)
		return;
	reseal_signal(re, true);
	if (re->started)
		pthread_join(re->thread, NULL);
	pthread_mutex_destroy(&re->lock);
	pthread_cond_destroy(&re->wake);
	xfree(re);
	s->resealer = NULL;
}

bool reseal_rotate(struct store *s, struct err *e)
{
	if (!seal_rotate(s, e))
		return false;
	if (s->resealer)
		reseal_signal(s->resealer, false);
	return true;
}

struct reseal_state reseal_state(struct store *s)
{
	struct resealer *re = s->resealer;
	struct reseal_state state = {0};
	if (!re)
		return state;
	pthread_mutex_lock(&re->lock);
	state = re->state;
	pthread_mutex_unlock(&re->lock);
	state.encrypts = s->sealer->encrypts;
	state.key = seal_newest(s);
	state.steps = SEALED_COUNT;
	return state;
}
