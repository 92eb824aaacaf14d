/* keeper.h - the thread that builds, watches and ends boxes. Inside session/ alone. */
#pragma once
#include "session/table.h"

/* Builds a box on the keeper's thread, which is started when it is not there. */
struct box *keeper_build(struct sessions *s, const struct session_where *w, struct err *e);
/* Starts another zygote likewise, in the place of the last. */
bool keeper_zygote(struct sessions *s, struct err *e);
void keeper_end(struct sessions *s);
/* Waits at most so long for a change; with the lock. */
void keeper_wait(struct sessions *s, int64_t ms);
/* One more box is wanted: ends the one that has been idle for longest when there are too many. With the lock. false:
 * all of them are at work. */
bool keeper_room(struct sessions *s);
