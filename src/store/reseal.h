/* reseal.h - what was stored before store.encrypt was switched, or under an older key, rewritten in the background.
 *
 * meta.sealed says what all of the store is: "0" open, the number of the key that sealed it, or "mixed" (seal_start()
 * writes that). When it is not what the settings and the ring ask for, a thread walks the columns of sealed.def a few
 * rows a commit; where it is, is written down with each slice, so that it goes on there after a crash.
 */
#pragma once
#include "store/seal.h"

/* After seal_start(). Who has started it stops it before the store is closed. */
bool reseal_start(struct store *s, struct err *e);
void reseal_stop(struct store *s); /* not started: nothing */
/* seal_rotate(), and what is stored follows. Blocks for the first only. */
bool reseal_rotate(struct store *s, struct err *e);

/* How far it is. Any thread. */
struct reseal_state {
	bool encrypts, busy;
	uint32_t key;         /* the newest */
	int step, steps;      /* of the walk, while it is busy */
	int64_t rows, failed; /* rewritten since the start; those that do not open, which stay as they are */
};
struct reseal_state reseal_state(struct store *s);
