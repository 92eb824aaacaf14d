/* runs.h - which background runs this process works on, and how many at once.
 *
 * The durable queue is the store's (store/run.h); here are its bounds (api_limits.background_running,
 * background_project). Thread-safe. */
#pragma once
#include "news/run_news.h"
#include "store/run.h"

struct runs;

/* `news`: told of each run that is let go. Outlives it. */
struct runs *runs_new(struct run_news *news);
void runs_free(struct runs *rs);
/* Takes a run to work on it. false: another worker here has it or, unless `urgent`, a bound is reached. */
bool runs_take(struct runs *rs, int64_t key, int64_t project, bool urgent);
/* Lets it go; who watches it looks again. */
void runs_give_back(struct runs *rs, int64_t key);
/* How many more may run: of each project that is known, in the arena, and of any other (*others). */
const struct run_room *runs_rooms(struct runs *rs, struct arena *a, size_t *n, int64_t *others);
/* How many more may run in all. *turn: the project that got a place last; the next is the one after it. */
int64_t runs_free_places(struct runs *rs, int64_t *turn);
