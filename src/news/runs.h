/* runs.h - the background runs of this process: who works on which, who waits for news of which.
 *
 * The durable queue is the store's (store/run.h); here are the bounds of how many run at once, and the wake-ups between
 * loops. Thread-safe; a watch belongs to its loop. */
#pragma once
#include "loop/loop.h"

struct runs;
struct run_wake;

struct runs *runs_new(void);
void runs_free(struct runs *rs);

/* --- workers --- */
/* Takes a run to work on it. false: another worker here has it or, unless `urgent`, a bound is reached
 * (api_limits.background_running, background_project). */
bool runs_take(struct runs *rs, int64_t key, int64_t project, bool urgent);
/* Lets it go; who watches it looks again. */
void runs_give_back(struct runs *rs, int64_t key);
/* How many more of this project may run. */
int64_t runs_room(struct runs *rs, int64_t project);
/* How many more may run in all. *turn: the project that got a place last; the next is the one after it. */
int64_t runs_free_places(struct runs *rs, int64_t *turn);

/* --- news --- */
enum { RUNS_ANY = 0 /* in the place of a key: any run that ended */ };
enum { RUN_NEWS = 1 /* events or an end were committed */, RUN_CANCEL = 2 /* somebody wants it ended */ };
struct run_watch {
	void (*woken)(struct run_watch *); /* on its loop */
	struct run_wake *wake;             /* NULL: idle */
};
void run_watch_start(struct runs *rs, int64_t key, unsigned kinds, struct loop *l, struct run_watch *w,
		     void (*woken)(struct run_watch *));
void run_watch_stop(struct run_watch *w);
/* Tells those who watch it. A RUN_CANCEL is remembered as long as somebody watches or works on the run. */
void runs_tell(struct runs *rs, int64_t key, unsigned kind);
bool runs_cancelled(struct runs *rs, int64_t key);
