/* sweep.c - takes away what was deleted or expired, a slice between two commits.
 *
 * A context goes when its response is gone and no context continues it; with it go its own hold on each
 * item and its hold on its parent. What a slice found is checked again by its changes: had a turn
 * continued the context meanwhile, the slice fails as a whole and the next one sees the new state. */
#include "store/sweep.h"

#include <stdatomic.h>
#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/blob.h"
#include "store/blob_dead.h"
#include "store/blob_sweeper.h"
#include "store/keys.h"
#include "store/node.h"
#include "store/context.h"
#include "store/sweep_file.h"
#include "store/sealed.h"

struct sweeper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop, woken;
};

static const struct str changed = STR("changed meanwhile");

static bool sweep_query(struct slice *s, enum statement stmt, const struct bind *b, unsigned n, row_fn *row)
{
	return sealed_query(s->store, s->reader, stmt, b, n, row, s, s->err);
}

/* --- expiry --- */

static bool sweep_on_expired(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_RESPONSE_EXPIRE, INT(cells[0].i), INT(s->now));
	request_must(s->request, ERR_CONFLICT, changed);
	ADD(s->request, STMT_CONTEXT_DEAD, INT(cells[0].i), INT(s->now));
	ADD(s->request, STMT_APPROVAL_LEAVE, INT(cells[0].i));
	return ++s->rows < s->budget;
}

static bool on_old_claim(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	if (cells[1].s.n + cells[2].s.n > (size_t)(s->request->bytes_end - s->request->bytes))
		return false;
	ADD(s->request, STMT_IDEM_EXPIRE, INT(cells[0].i), TEXT(cells[1].s), TEXT(cells[2].s),
	    INT(s->now - store_limits.idempotency_seconds));
	return ++s->rows < s->budget;
}

static bool on_events(void *ctx, const struct cell *cells)
{
	((struct slice *)ctx)->events = cells[0].i;
	return false;
}

/* A background run goes events first, then the rest of it. */
static bool on_old_run(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	int64_t key = cells[0].i, room = (int64_t)(s->budget - s->rows);
	struct bind b[] = {INT(key), INT(room)};
	if (!sweep_query(s, STMT_RUN_EVENT_COUNT, b, 2, on_events))
		return false;
	if (s->events)
		ADD(s->request, STMT_RUN_EVENT_FREE, INT(key), INT(s->events));
	ADD(s->request, STMT_RUN_FREE, INT(key));
	ADD(s->request, STMT_RUN_TEXT_FREE, INT(key));
	s->rows += (size_t)s->events + 1;
	return s->rows < s->budget;
}

static bool on_old_completion(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_COMPLETION_EXPIRE, INT(cells[0].i));
	ADD(s->request, STMT_COMPLETION_TEXT_FREE, INT(cells[0].i));
	ADD(s->request, STMT_COMPLETION_PAIRS_FREE, INT(cells[0].i));
	return ++s->rows < s->budget;
}

/* --- contexts --- */

static void add_item(struct slice *s, int64_t item)
{
	ADD(s->request, STMT_ITEM_INLAY_DEAD, INT(item));
	ADD(s->request, STMT_ITEM_FREE, INT(item));
	ADD(s->request, STMT_ITEM_RELEASE, INT(item), INT(s->key));
	ADD(s->request, STMT_FOREIGN_FREE, INT(item));
	s->rows++;
}

static bool on_context(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	size_t own = (size_t)cells[0].i, n = keys_count(cells[2].s), room = s->budget - s->rows;
	size_t take = own < room ? own : room, from = n - own;
	struct key_walk w = {cells[2].s, 0};
	int64_t item;
	s->parent = 0;
	if (own > n)
		return fail(s->err, ERR_STORE, NULL, "context %lld is broken", (long long)s->key);
	if (take < own) {
		ADD(s->request, STMT_CONTEXT_TRIM, INT(s->key), INT((int64_t)own), INT((int64_t)(own - take)));
		request_must(s->request, ERR_CONFLICT, changed);
	} else {
		ADD(s->request, STMT_CONTEXT_FREE, INT(s->key), INT((int64_t)own));
		request_must(s->request, ERR_CONFLICT, changed);
		if (cells[5].i)
			ADD(s->request, STMT_CONTEXT_RELEASE, INT(cells[5].i));
		s->parent = cells[5].i;
	}
	s->rows++;
	for (size_t i = 0; i < from + take && keys_next(&w, &item); i++)
		if (i >= from)
			add_item(s, item);
	return false;
}

/* Does the parent go too, once this child is gone? */
static bool on_parent(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	bool goes = cells[4].i > 0 && cells[4].i <= s->now - store_limits.linger_seconds && cells[3].i == 1;
	if (!goes)
		s->parent = 0;
	return false;
}

static bool on_freeable(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	s->key = cells[0].i;
	/* A chain that was deleted whole goes leaf by leaf in one slice, not one slice a leaf. */
	while (s->key && s->rows < s->budget) {
		struct bind b = INT(s->key);
		s->parent = 0;
		if (!sweep_query(s, STMT_CONTEXT_ANY, &b, 1, on_context))
			return false;
		b = INT(s->parent);
		if (s->parent && !sweep_query(s, STMT_CONTEXT_ANY, &b, 1, on_parent))
			return false;
		s->key = s->parent;
	}
	return s->rows < s->budget && s->err->code == ERR_NONE;
}

/* --- conversations --- */

static bool on_entry(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_CONVERSATION_REMOVE, INT(s->key), INT(cells[0].i));
	request_must(s->request, ERR_CONFLICT, changed);
	add_item(s, cells[0].i);
	return s->rows < s->budget;
}

static bool on_conversation(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	size_t before = s->rows;
	s->key = cells[0].i;
	struct bind b[] = {INT(s->key), INT((int64_t)(s->budget - s->rows))};
	if (!sweep_query(s, STMT_CONVERSATION_ITEMS, b, 2, on_entry))
		return false;
	if (s->rows - before == (size_t)b[1].i)
		return false; /* there may be more */
	ADD(s->request, STMT_CONVERSATION_FREE, INT(s->key));
	request_must(s->request, ERR_CONFLICT, changed);
	ADD(s->request, STMT_CONTEXT_RELEASE, INT(cells[1].i));
	return ++s->rows < s->budget;
}

/* --- prompts --- */

static bool on_template_version(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_TEMPLATE_VERSION_FREE, INT(cells[0].i));
	return ++s->rows < s->budget;
}

static bool on_template(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	struct bind b[] = {INT(cells[0].i), INT((int64_t)(s->budget - s->rows))};
	if (!sweep_query(s, STMT_TEMPLATE_VERSIONS, b, 2, on_template_version))
		return false;
	if (s->rows >= s->budget)
		return false; /* there may be more */
	ADD(s->request, STMT_TEMPLATE_FREE, INT(cells[0].i));
	return ++s->rows < s->budget;
}

/* --- usage --- */

static bool on_old_minute(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_USED_FOLD, INT(cells[0].i));
	ADD(s->request, STMT_USED_FREE, INT(cells[0].i));
	return ++s->rows < s->budget;
}

static bool sweep_usage(struct slice *s)
{
	int64_t before = s->now - store_limits.usage_minute_days * 86400;
	struct bind old[] = {INT(before - before % 3600), INT((int64_t)s->budget)};
	return sweep_query(s, STMT_USED_OLD, old, 2, on_old_minute);
}

/* --- deliveries of webhooks that are over --- */

static bool sweep_on_past(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_PAST_DROP, INT(cells[0].i), INT(cells[1].i));
	return ++s->rows < s->budget;
}

static bool sweep_past_deliveries(struct slice *s)
{
	struct bind old[] = {INT(s->now - store_limits.past_delivery_seconds), INT((int64_t)s->budget)};
	return sweep_query(s, STMT_PAST_OLD, old, 2, sweep_on_past);
}

/* --- a slice --- */

enum { CONFLICTS_MOST = 8 /* in a row, before the rest is put off to the next time */ };

static bool plan(struct db_reader *reader, void *ctx, struct err *e)
{
	struct slice *s = ctx;
	s->reader = reader;
	s->err = e;
	struct bind expired[] = {INT(s->now), INT((int64_t)s->budget)};
	struct bind dead[] = {INT(s->now - store_limits.linger_seconds), INT((int64_t)s->budget)};
	struct bind old[] = {INT(s->now - store_limits.idempotency_seconds), INT((int64_t)s->budget)};
	if (!sweep_query(s, STMT_RESPONSE_EXPIRED, expired, 2, sweep_on_expired))
		return false;
	if (!s->rows && !sweep_query(s, STMT_CONTEXT_FREEABLE, dead, 2, on_freeable))
		return false;
	if (!s->rows && !sweep_query(s, STMT_CONVERSATION_DEAD, dead, 2, on_conversation))
		return false;
	if (!s->rows && !sweep_query(s, STMT_IDEM_OLD, old, 2, on_old_claim))
		return false;
	if (!s->rows && !sweep_query(s, STMT_RUN_EXPIRED, expired, 2, on_old_run))
		return false;
	if (!s->rows && !sweep_query(s, STMT_COMPLETION_EXPIRED, expired, 2, on_old_completion))
		return false;
	if (!s->rows && !sweep_query(s, STMT_TEMPLATE_DEAD, expired, 2, on_template))
		return false;
	if (!s->rows && !sweep_inlays(s))
		return false;
	if (!s->rows && !sweep_files(s))
		return false;
	if (!s->rows && !sweep_skills(s))
		return false;
	if (!s->rows && !sweep_batches(s))
		return false;
	if (!s->rows && !sweep_usage(s))
		return false;
	if (!s->rows && !sweep_past_deliveries(s))
		return false;
	return e->code == ERR_NONE;
}

bool sweep_slice(struct store *store, size_t *ret, struct err *e)
{
	size_t rows = (size_t)store_limits.sweep_rows;
	struct slice s = {.store = store, .now = clock_wall_s(), .budget = rows};
	/* At most: an item is 5 changes with 7 binds, a context or conversation 2 with 4, a claim 1 with 4;
	 * claims' texts take what room there is. */
	s.request = request_new(NULL, NULL, 5 * rows + 8, 8 * rows + 8, rows * 600 + 64);
	s.blobs = xalloc(rows * sizeof *s.blobs);
	if (!store->driver->read(store->reader, plan, &s, e) || !s.rows) {
		xfree(s.blobs);
		xfree(s.request);
		*ret = 0;
		return e->code == ERR_NONE;
	}
	struct err why = {0};
	*ret = s.rows;
	bool ok = store_write(store, s.request, &why);
	for (size_t i = 0; ok && i < s.n_blobs; i++)
		(s.near ? blob_drop_near : blob_drop)(store, s.blobs[i]);
	xfree(s.blobs);
	/* A conflict: somebody came in between, and the next plan will see it. One that lasts is no such thing. */
	if (ok)
		atomic_store(&store->sweep_conflicts, 0);
	else if (why.code == ERR_CONFLICT && atomic_fetch_add(&store->sweep_conflicts, 1) + 1 < CONFLICTS_MOST)
		return true;
	if (ok)
		return true;
	atomic_store(&store->sweep_conflicts, 0);
	*e = why;
	return false;
}

/* --- the thread --- */

static void *sweep_main(void *arg)
{
	struct store *s = arg;
	struct sweeper *w = s->sweeper;
	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += store_limits.sweep_seconds;
		if (!w->woken)
			pthread_cond_timedwait(&w->wake, &w->lock, &until);
		w->woken = false;
		for (size_t n = 1; n && !w->stop;) {
			struct err e = {0};
			pthread_mutex_unlock(&w->lock);
			keys_note_used(s);
			blob_dead_judge(s);
			if (s->blob_sweeper)
				blob_sweeper_wake(s->blob_sweeper);
			else
				blob_dead_bury(s);
			n = 0;
			if (store_leads(s) && !sweep_slice(s, &n, &e)) {
				log_at(LOG_WARN, "store clean-up put off", "reason=\"%s\"", e.msg);
				n = 0;
			}
			pthread_mutex_lock(&w->lock);
		}
	}
	pthread_mutex_unlock(&w->lock);
	keys_note_used(s);
	return NULL;
}

bool sweeper_start(struct store *s, struct err *e)
{
	struct sweeper *w = xalloc(sizeof *w);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	s->sweeper = w;
	if (pthread_create(&w->thread, NULL, sweep_main, s) == 0) {
		pthread_setname_np(w->thread, "store-sweep");
		return true;
	}
	s->sweeper = NULL;
	xfree(w);
	return fail(e, ERR_STORE, NULL, "cannot start the store's sweeper");
}

static void signal_sweeper(struct sweeper *w, bool stop)
{
	pthread_mutex_lock(&w->lock);
	w->woken = true;
	w->stop |= stop;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void sweeper_wake(struct store *s)
{
	signal_sweeper(s->sweeper, false);
}

void sweeper_stop(struct store *s)
{
	struct sweeper *w = s->sweeper;
	signal_sweeper(w, true);
	pthread_join(w->thread, NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	xfree(w);
}
