/* write_queue.c - writes on their way to the one thread that commits them. */
#include "store/write_queue.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/commit_measure.h"
#include "store/limits.h"

enum {
	PROBE_SECONDS = 1, /* how often a sick store tries whether it can write again */
	RETRY_AFTER_MS = 1000,
};

struct write_job { /* on the stack of who waits */
	bool (*work)(void *ctx, struct err *e);
	pthread_cond_t done;
	bool ended;
	struct err why;
};

void apply_fail(struct apply *a, const struct err *why)
{
	if (!a->err)
		a->err = xalloc(sizeof *a->err);
	*a->err = *why;
}

void apply_clear(struct apply *a)
{
	xfree(a->err);
	a->err = NULL;
}

void write_queue_init(struct write_queue *q, const struct write_verbs *verbs, void *ctx, const struct db_options *options)
{
	q->verbs = verbs;
	q->ctx = ctx;
	q->options = options;
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->wake, NULL);
}

void write_queue_free(struct write_queue *q)
{
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->wake);
}

void write_queue_health(struct write_queue *q, const struct err *why)
{
	pthread_mutex_lock(&q->lock);
	bool was = q->sick.code == ERR_NONE, is = why->code == ERR_NONE;
	q->sick = *why;
	pthread_mutex_unlock(&q->lock);
	if (was && !is)
		log_at(LOG_ERROR, "store cannot write", "reason=\"%s\"", why->msg);
	else if (!was && is)
		log_at(LOG_INFO, "store writes again", "%s", "");
}

bool write_queue_healthy(struct write_queue *q, struct err *why)
{
	pthread_mutex_lock(&q->lock);
	struct err sick = q->sick;
	pthread_mutex_unlock(&q->lock);
	return sick.code == ERR_NONE || fail(why, sick.code, NULL, "%s", sick.msg);
}

/* Called with the lock held. */
static void write_queue_work(struct write_queue *q)
{
	struct write_job *j = q->job;
	pthread_mutex_unlock(&q->lock);
	j->work(q->ctx, &j->why);
	pthread_mutex_lock(&q->lock);
	q->job = NULL;
	j->ended = true;
	pthread_cond_signal(&j->done);
}

bool write_queue_run(struct write_queue *q, bool (*work)(void *ctx, struct err *e), struct err *e)
{
	struct write_job j = {.work = work, .done = PTHREAD_COND_INITIALIZER};
	pthread_mutex_lock(&q->lock);
	assert(!q->job);
	q->job = &j;
	pthread_cond_signal(&q->wake);
	while (!j.ended)
		pthread_cond_wait(&j.done, &q->lock);
	pthread_mutex_unlock(&q->lock);
	*e = j.why;
	return j.why.code == ERR_NONE;
}

/* Takes what the next commit is to carry; called with the lock held. */
static struct apply *take_group(struct write_queue *q)
{
	struct apply *list = q->first, *end = list;
	for (int64_t n = 1; end && !list->urgent && n < store_limits.group && end->next; n++)
		end = end->next;
	if (end) {
		q->first = end->next;
		end->next = NULL;
	}
	if (!q->first)
		q->last = &q->first;
	return list;
}

/* Waits for work; while there is something to look after, a moment at most. Called with the lock held. */
static void wait_for_work(struct write_queue *q)
{
	bool sick = q->sick.code != ERR_NONE;
	void (*look)(void *ctx) = sick ? q->verbs->probe : q->verbs->idle;
	if (q->job) {
		write_queue_work(q);
		return;
	}
	if (!look) {
		pthread_cond_wait(&q->wake, &q->lock);
		return;
	}
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PROBE_SECONDS;
	if (pthread_cond_timedwait(&q->wake, &q->lock, &until) != ETIMEDOUT || q->first || q->closing)
		return;
	pthread_mutex_unlock(&q->lock);
	look(q->ctx);
	pthread_mutex_lock(&q->lock);
}

static void *write_main(void *arg)
{
	struct write_queue *q = arg;
	pthread_mutex_lock(&q->lock);
	for (;;) {
		struct apply *list = q->job ? NULL : take_group(q);
		if (!list) {
			if (q->closing && !q->job)
				break;
			wait_for_work(q);
			continue;
		}
		pthread_mutex_unlock(&q->lock);
		int64_t began_us = clock_mono_us();
		q->verbs->commit(q->ctx, list);
		commit_measure_done(list, began_us);
		size_t n = 0, bytes = 0;
		for (struct apply *a = list; a; a = a->next) {
			n++;
			bytes += a->bytes;
		}
		pthread_mutex_lock(&q->lock); /* first: who was told that his write is over finds its room free */
		q->n -= n;
		q->bytes -= bytes;
		pthread_mutex_unlock(&q->lock);
		q->options->finished(q->options->ctx, list);
		if (q->verbs->told)
			q->verbs->told(q->ctx);
		pthread_mutex_lock(&q->lock);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

bool write_queue_start(struct write_queue *q, struct err *e)
{
	if (pthread_create(&q->thread, NULL, write_main, q))
		return fail(e, ERR_STORE, NULL, "cannot start the store's thread: %m");
	pthread_setname_np(q->thread, q->verbs->thread);
	return true;
}

/* Called with the lock held. */
static void queue_link(struct write_queue *q, struct apply *a)
{
	struct apply **at = a->urgent ? &q->first : q->last;
	a->next = *at;
	*at = a;
	if (!a->next)
		q->last = &a->next;
}

bool write_queue_put(struct write_queue *q, struct apply *a, struct err *e)
{
	a->next = NULL;
	a->err = NULL;
	pthread_mutex_lock(&q->lock);
	assert(!q->closing);
	bool full = !a->urgent && (q->n >= (size_t)store_limits.queue ||
				   (q->n > 0 && q->bytes + a->bytes > (size_t)store_limits.queue_bytes));
	if (!full) {
		commit_measure_queued(a);
		q->n++;
		q->bytes += a->bytes;
		queue_link(q, a);
		pthread_cond_signal(&q->wake);
	}
	pthread_mutex_unlock(&q->lock);
	if (!full)
		return true;
	e->retry_after_ms = RETRY_AFTER_MS;
	return fail(e, ERR_UNAVAILABLE, NULL, "The store is overloaded. Please retry after a moment.");
}

bool write_queue_stopping(struct write_queue *q)
{
	pthread_mutex_lock(&q->lock);
	bool yes = q->closing;
	pthread_mutex_unlock(&q->lock);
	return yes;
}

void write_queue_stop(struct write_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
}
