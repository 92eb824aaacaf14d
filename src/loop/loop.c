/* loop.c - one event loop (libuv).
 *
 * Timers live in a binary heap of our own behind one libuv timer, and deferred calls in a list: both run in
 * the prepare phase, which is after the events of a turn and before the sleep. So every timer costs no
 * system call, and tests that move clock_fake() move the timers too. */
#include "loop/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/arena.h"
#include "base/clock.h"
#include "loop/pending.h"

/* Rounds of deferred calls that start deferred calls before I/O gets its turn again. */
enum { DEFER_ROUNDS = 8 };
/* What a loop keeps to lend: 1 MiB at most. */
enum { SPARES = 16, SPARE_MOST = 64 * 1024 };

struct loop {
	struct uv_loop_s uv;
	uv_timer_t alarm;     /* wakes the loop for the first timer of the heap */
	uv_prepare_t prepare; /* runs timers and deferred calls */
	uv_async_t wake;      /* posts and stop */
	struct timer **heap;  /* least due_ms first */
	size_t n_timers, cap_timers;
	int64_t armed_ms;             /* what `alarm` is set to; INT64_MAX: nothing */
	int64_t now_ms;               /* of this turn */
	uint64_t uv_ms;               /* uv_now() when now_ms was read */
	struct deferred deferred;     /* ring: head of those started */
	struct deferred yielded;      /* the same of those that let others go first ... */
	struct deferred *ripe;        /* ... the first of them, when they have had it; NULL: none */
	_Atomic(struct post *) posts; /* newest first */
	atomic_bool stop;
	struct spare {
		char *p;
		size_t cap;
	} spares[SPARES];
	size_t n_spares;
};

/* --- lent buffers --- */

void loop_lend(struct loop *l, struct buf *b)
{
	if (b->p || !l->n_spares)
		return;
	struct spare *s = &l->spares[--l->n_spares];
	b->p = s->p;
	b->cap = s->cap;
}

void loop_take_back(struct loop *l, struct buf *b)
{
	if (b->p && b->cap <= SPARE_MOST && l->n_spares < SPARES) {
		l->spares[l->n_spares++] = (struct spare){b->p, b->cap};
		b->p = NULL;
	}
	buf_release(b);
}

/* --- the timers' heap --- */

static void heap_put(struct loop *l, struct timer *t, size_t at)
{
	l->heap[at] = t;
	t->at = at;
}

static void heap_up(struct loop *l, struct timer *t, size_t at)
{
	while (at > 0) {
		size_t up = (at - 1) / 2;
		if (l->heap[up]->due_ms <= t->due_ms)
			break;
		heap_put(l, l->heap[up], at);
		at = up;
	}
	heap_put(l, t, at);
}

static void heap_down(struct loop *l, struct timer *t, size_t at)
{
	for (;;) {
		size_t kid = 2 * at + 1;
		if (kid >= l->n_timers)
			break;
		if (kid + 1 < l->n_timers && l->heap[kid + 1]->due_ms < l->heap[kid]->due_ms)
			kid++;
		if (t->due_ms <= l->heap[kid]->due_ms)
			break;
		heap_put(l, l->heap[kid], at);
		at = kid;
	}
	heap_put(l, t, at);
}

/* Puts a timer whose due_ms changed where it belongs. */
static void heap_move(struct loop *l, struct timer *t, size_t at)
{
	if (at > 0 && l->heap[(at - 1) / 2]->due_ms > t->due_ms)
		heap_up(l, t, at);
	else
		heap_down(l, t, at);
}

void timer_start(struct loop *l, struct timer *t, int64_t ms, void (*fire)(struct timer *))
{
	assert(!t->loop || t->loop == l);
	t->fire = fire;
	t->due_ms = loop_now_ms(l) + (ms > 0 ? ms : 0);
	if (t->loop) {
		heap_move(l, t, t->at);
		return;
	}
	if (l->n_timers == l->cap_timers) {
		l->cap_timers = l->cap_timers ? 2 * l->cap_timers : 64;
		l->heap = xrealloc(l->heap, l->cap_timers * sizeof *l->heap);
	}
	t->loop = l;
	heap_up(l, t, l->n_timers++);
}

void timer_cancel(struct timer *t)
{
	struct loop *l = t->loop;
	if (!l)
		return;
	t->loop = NULL;
	struct timer *last = l->heap[--l->n_timers];
	if (last != t)
		heap_move(l, last, t->at);
}

static void run_timers(struct loop *l)
{
	/* Bounded, so that timers which start themselves with 0 ms let I/O happen in between. */
	for (size_t n = l->n_timers; n > 0 && l->n_timers > 0 && l->heap[0]->due_ms <= l->now_ms; n--) {
		struct timer *t = l->heap[0];
		assert(t->loop == l && t->at == 0); /* else its owner was overwritten while it was armed */
		timer_cancel(t);
		t->fire(t);
	}
}

/* --- deferred calls --- */

static void ring_add(struct deferred *ring, struct deferred *d, void (*run)(struct deferred *))
{
	d->run = run;
	if (d->next)
		return;
	d->prev = ring->prev;
	d->next = ring;
	d->prev->next = d;
	ring->prev = d;
}

static bool ring_empty(const struct deferred *ring)
{
	return ring->next == ring;
}

void defer_start(struct loop *l, struct deferred *d, void (*run)(struct deferred *))
{
	ring_add(&l->deferred, d, run);
}

void loop_yield(struct loop *l, struct deferred *d, void (*run)(struct deferred *))
{
	ring_add(&l->yielded, d, run);
}

void defer_cancel(struct deferred *d)
{
	if (!d->next)
		return;
	d->prev->next = d->next;
	d->next->prev = d->prev;
	d->next = d->prev = NULL;
}

/* Runs those which are in the list now; what they start waits for the next round. */
static void run_deferred(struct loop *l)
{
	struct deferred mark = {0};
	defer_start(l, &mark, NULL);
	while (l->deferred.next != &mark) {
		struct deferred *d = l->deferred.next;
		defer_cancel(d);
		d->run(d);
	}
	defer_cancel(&mark);
}

/* One that was there before the loop looked for events. */
static void run_yielded(struct loop *l)
{
	struct deferred *d = l->yielded.next;
	if (d == l->ripe) {
		defer_cancel(d);
		d->run(d);
	}
	l->ripe = ring_empty(&l->yielded) ? NULL : l->yielded.next;
}

/* --- the loop --- */

static bool ring_within(const struct deferred *ring, const char *from, const char *to)
{
	for (const struct deferred *d = ring->next; d != ring; d = d->next)
		if ((const char *)d >= from && (const char *)d < to)
			return true;
	return false;
}

const char *loop_pending_in(const struct loop *l, const char *from, const char *to)
{
	for (size_t i = 0; i < l->n_timers; i++)
		if ((const char *)l->heap[i] >= from && (const char *)l->heap[i] < to)
			return "timer";
	return ring_within(&l->deferred, from, to) || ring_within(&l->yielded, from, to) ? "deferred call" : NULL;
}

int64_t loop_now_ms(struct loop *l)
{
	/* libuv reads its clock once after each sleep: when that moved, ours is old. */
	uint64_t uv_ms = uv_now(&l->uv);
	if (uv_ms != l->uv_ms) {
		l->uv_ms = uv_ms;
		l->now_ms = clock_mono_us() / 1000;
	}
	return l->now_ms;
}

static void on_alarm(uv_timer_t *t)
{
	struct loop *l = OWNER(t, struct loop, alarm);
	l->armed_ms = INT64_MAX;
}

static void set_alarm(struct loop *l)
{
	int64_t due = l->n_timers ? l->heap[0]->due_ms : INT64_MAX;
	if (!ring_empty(&l->deferred) || !ring_empty(&l->yielded))
		due = l->now_ms;
	if (due <= l->now_ms)
		due = INT64_MIN; /* at once, whatever the alarm is set to */
	/* An alarm that is too early only wakes us once for nothing; setting it anew on each
	 * restart of a timer would cost more. */
	if (due >= l->armed_ms)
		return;
	uv_update_time(&l->uv);
	uv_timer_start(&l->alarm, on_alarm, due > l->now_ms ? (uint64_t)(due - l->now_ms) : 0, 0);
	l->armed_ms = due;
}

static void on_prepare(uv_prepare_t *p)
{
	struct loop *l = OWNER(p, struct loop, prepare);
	l->now_ms = clock_mono_us() / 1000;
	l->uv_ms = uv_now(&l->uv);
	run_timers(l);
	run_yielded(l);
	for (int i = 0; i < DEFER_ROUNDS && !ring_empty(&l->deferred); i++)
		run_deferred(l);
	set_alarm(l);
}

static void run_posts(struct loop *l)
{
	struct post *p = atomic_exchange(&l->posts, NULL), *oldest = NULL;
	while (p) {
		struct post *next = p->next;
		p->next = oldest;
		oldest = p;
		p = next;
	}
	while (oldest) {
		p = oldest;
		oldest = p->next;
		p->next = NULL;
		pending_remove(p);
		p->run(p);
	}
}

static void loop_on_wake(uv_async_t *a)
{
	struct loop *l = OWNER(a, struct loop, wake);
	run_posts(l);
	if (atomic_load(&l->stop))
		uv_stop(&l->uv);
}

void loop_post(struct loop *l, struct post *p)
{
	struct post *head = atomic_load(&l->posts);
	pending_add(p);
	do {
		p->next = head;
	} while (!atomic_compare_exchange_weak(&l->posts, &head, p));
	/* Whoever found the list empty wakes the loop for all who come after. */
	if (!head)
		uv_async_send(&l->wake);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	uv_async_send(&l->wake);
}

bool loop_open(struct loop **ret, struct err *e)
{
	/* A peer that left shows as an error of write(), not as a signal. */
	signal(SIGPIPE, SIG_IGN);
	struct loop *l = xalloc(sizeof *l);
	int bad = uv_loop_init(&l->uv);
	if (bad) {
		xfree(l);
		return fail(e, ERR_INTERNAL, NULL, "event loop: %s", uv_strerror(bad));
	}
	bad = uv_async_init(&l->uv, &l->wake, loop_on_wake);
	if (bad) {
		uv_loop_close(&l->uv);
		xfree(l);
		return fail(e, ERR_INTERNAL, NULL, "event loop: %s", uv_strerror(bad));
	}
	uv_timer_init(&l->uv, &l->alarm);
	uv_prepare_init(&l->uv, &l->prepare);
	uv_prepare_start(&l->prepare, on_prepare);
	l->armed_ms = INT64_MAX;
	l->deferred.next = l->deferred.prev = &l->deferred;
	l->yielded.next = l->yielded.prev = &l->yielded;
	l->now_ms = clock_mono_us() / 1000;
	l->uv_ms = uv_now(&l->uv);
	pending_watch(l);
	*ret = l;
	return true;
}

void loop_run(struct loop *l)
{
	pending_watch(l);
	uv_update_time(&l->uv);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	atomic_store(&l->stop, false);
}

static void close_handle(uv_handle_t *h, void *ctx)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

void loop_close(struct loop *l)
{
	if (!l)
		return;
	run_posts(l); /* their owners wait for them (a job frees itself) */
	while (l->n_timers)
		timer_cancel(l->heap[0]);
	while (!ring_empty(&l->deferred))
		defer_cancel(l->deferred.next);
	while (!ring_empty(&l->yielded))
		defer_cancel(l->yielded.next);
	uv_walk(&l->uv, close_handle, NULL);
	while (uv_run(&l->uv, UV_RUN_DEFAULT))
		;
	uv_loop_close(&l->uv);
	while (l->n_spares)
		xfree(l->spares[--l->n_spares].p);
	pending_watch(NULL);
	xfree(l->heap);
	xfree(l);
}

struct uv_loop_s *loop_uv(struct loop *l)
{
	return &l->uv;
}
