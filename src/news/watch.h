/* watch.h - wake-ups between loops: who waits on its loop for what another thread tells.
 *
 * A list of watches stands in whatever is waited for (a replay, an attempt, a run) and shares its lock: all functions
 * are called with that lock held. A watch belongs to its loop, is started and stopped there, and is woken there,
 * without the lock; what was told several times before that wakes it once. */
#pragma once
#include "loop/loop.h"

struct wake; /* watch.c */
struct watches { /* {0}: nobody */
	struct wake *first;
};
struct watch { /* embed it; {0}: idle */
	void (*woken)(struct watch *);
	struct wake *wake;
};

/* Woken when one of `kinds` (bits of the owner's) is told. WATCH_ONCE among them: once; then watch_want() again. */
enum { WATCH_ONCE = 1 << 30 };
void watch_start(struct watches *ws, struct loop *l, unsigned kinds, struct watch *w, void (*woken)(struct watch *));
void watch_want(struct watch *w, unsigned kinds);
void watch_stop(struct watches *ws, struct watch *w); /* started, not idle */
void watches_tell(struct watches *ws, unsigned kinds);
