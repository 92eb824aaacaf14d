/* loop.h - one event loop (libuv): timers, deferred calls, posts between threads.
 *
 * The contract of every operation that is pending (a struct embedded in its owner):
 *  1. after x_cancel() the callback never runs;
 *  2. a callback never runs inside the function that started the operation;
 *  3. it runs at most once per start; the operation is idle again before the callback runs;
 *  4. the owner outlives its operations, or cancels them: its release function op_cancel()s each that it
 *     embeds. So does what ends a thing that its operations work on while the owner lives on. Builds with
 *     AddressSanitizer end the program when memory is freed in which an operation is still pending.
 * {0} is an idle operation; cancelling an idle one does nothing. A loop belongs to the thread that
 * runs it; only loop_post() and loop_stop() may be called from elsewhere. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define OWNER(ptr, T, member) ((T *)((char *)(ptr) - offsetof(T, member)))

struct loop;
struct uv_loop_s;

bool loop_open(struct loop **ret, struct err *e);
/* Runs until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l); /* any thread */
/* Closes what is left; after loop_run() has returned. */
void loop_close(struct loop *l);
/* For files that make libuv handles of their own (net/, engine/ child). */
struct uv_loop_s *loop_uv(struct loop *l);
/* Monotonic milliseconds, read once per turn of the loop. */
int64_t loop_now_ms(struct loop *l);

/* Thousands of connections are open, and few have bytes to say at a time: these borrow the room for them. Gives an
 * empty buffer that has no memory some that another gave back, if there is any; its `max` stays. */
void loop_lend(struct loop *l, struct buf *b);
/* Empties the buffer and keeps its memory for the next, or frees it where enough is kept. */
void loop_take_back(struct loop *l, struct buf *b);

/* A timer. Hashed wheel or heap inside: ten thousand are fine. */
struct timer {
	void (*fire)(struct timer *);
	struct loop *loop; /* NULL: idle */
	int64_t due_ms;
	size_t at; /* place in the heap */
};
/* Restarts when already running. */
void timer_start(struct loop *l, struct timer *t, int64_t ms, void (*fire)(struct timer *));
void timer_cancel(struct timer *t);

/* Runs once, after the events of this turn of the loop and before it sleeps. */
struct deferred {
	void (*run)(struct deferred *);
	struct deferred *next, *prev; /* NULL: idle */
};
void defer_start(struct loop *l, struct deferred *d, void (*run)(struct deferred *));
void defer_cancel(struct deferred *d);
/* For long work that goes on later: it runs once, after all other events have had their turn; of several that wait, one in
 * each turn of the loop. */
void loop_yield(struct loop *l, struct deferred *d, void (*run)(struct deferred *));

/* Either of them. */
#define op_cancel(op) _Generic((op), struct timer *: timer_cancel, struct deferred *: defer_cancel)(op)

/* A message to another thread's loop. The struct is the receiver's from loop_post() until run() is
 * called there; it cannot be cancelled (so it lives in a job or on the heap, never in a turn). */
struct post {
	void (*run)(struct post *);
	struct post *next;
};
void loop_post(struct loop *l, struct post *p); /* any thread */
