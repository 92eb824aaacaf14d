/* run_news.h - news of background runs, by their keys: who waits for them, on whatever loop.
 *
 * Thread-safe; a watch belongs to its loop. */
#pragma once
#include "news/watch.h"

struct run_news;
struct run_topic;

struct run_news *run_news_new(void);
void run_news_free(struct run_news *n);

enum { RUNS_ANY = 0 /* in the place of a key: any run that ended */, RUNS_BATCHES = -1 /* likewise: any batch */ };
enum { RUN_NEWS = 1 /* events or an end were committed */, RUN_CANCEL = 2 /* somebody wants it ended */ };
struct run_watch {
	void (*woken)(struct run_watch *); /* on its loop */
	struct watch watch;
	struct run_news *news;   /* NULL: idle */
	struct run_topic *topic;
};
void run_watch_start(struct run_news *n, int64_t key, unsigned kinds, struct loop *l, struct run_watch *w,
		     void (*woken)(struct run_watch *));
void run_watch_stop(struct run_watch *w); /* idle or not */
/* What is told here is also told to others (other nodes), from now on: run_tell() calls far(), on its thread. */
void run_news_far(struct run_news *n, void (*far)(void *ctx, int64_t key, unsigned kind), void *ctx);
/* What others told, to those who watch here; run_heard_any(): something, of any run. */
void run_heard(struct run_news *n, int64_t key, unsigned kind);
void run_heard_any(struct run_news *n);
/* Tells those who watch it. A RUN_CANCEL is remembered as long as somebody watches or holds the run. */
void run_tell(struct run_news *n, int64_t key, unsigned kind);
bool run_cancelled(struct run_news *n, int64_t key);
/* Somebody works on it from now on, or no longer. */
void run_news_hold(struct run_news *n, int64_t key);
void run_news_drop(struct run_news *n, int64_t key);
