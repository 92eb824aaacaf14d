/* run_now.h - a background run as it now stands, for all that read of it. Inside store/ alone. */
#pragma once
#include "store/look.h"

enum { STATE_QUEUED = 1, STATE_RUNNING, STATE_ENDED }; /* statements.def */

/* A background run as it now stands. */
struct run_now {
	const struct id *id;
	int64_t now, created_at, tries, asker;
	bool found, ended, kept, obfuscated; /* found false: none (any more) */
	char status[16];                     /* once it has ended */
};
/* Inside a look's work(). */
bool run_look(struct look *l, const struct id *id, struct run_now *ret, struct err *e);
