/* write_queue.h - writes on their way to the one thread that commits them, whichever database it is. Inside the drivers.
 *
 * While a commit runs, further lists queue; the next one takes them all, store.group at most. The queue is bounded by
 * store.queue and store.queue_bytes. */
#pragma once
#include <pthread.h>

#include "store/driver.h"

/* What a driver does, on the queue's thread. */
struct write_verbs {
	const char *thread; /* its name */
	/* Gives each list its outcome (a->err) and says how the store is: write_queue_health(). */
	void (*commit)(void *ctx, struct apply *list);
	void (*told)(void *ctx);  /* once those who wait for that commit have been told; NULL: nothing is left to do */
	void (*probe)(void *ctx); /* sick, and nobody has written for a second: does it work again? */
	void (*idle)(void *ctx);  /* the same while it is well; NULL: nothing to look after */
};

struct write_queue {
	const struct write_verbs *verbs;
	void *ctx; /* the verbs' */
	const struct db_options *options;
	pthread_t thread;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	struct apply *first, **last;
	size_t n, bytes; /* queued and in the running commit */
	struct write_job *job; /* somebody waits for it; NULL */
	bool closing;
	struct err sick; /* ERR_NONE: the last commit succeeded */
};

void write_queue_init(struct write_queue *q, const struct write_verbs *verbs, void *ctx, const struct db_options *options);
void write_queue_free(struct write_queue *q);
bool write_queue_start(struct write_queue *q, struct err *e);
/* Commits what is queued, then ends the thread. */
void write_queue_stop(struct write_queue *q);
bool write_queue_stopping(struct write_queue *q);
/* The driver's apply() and healthy(). Any thread. */
bool write_queue_put(struct write_queue *q, struct apply *a, struct err *e);
bool write_queue_healthy(struct write_queue *q, struct err *why);
/* The thread's: ERR_NONE, it writes. What is new goes into the log. */
void write_queue_health(struct write_queue *q, const struct err *why);
/* Runs `work` on the thread between two commits, and waits for it. One at a time. */
bool write_queue_run(struct write_queue *q, bool (*work)(void *ctx, struct err *e), struct err *e);

/* The outcome of one list. */
void apply_fail(struct apply *a, const struct err *why);
void apply_clear(struct apply *a);
