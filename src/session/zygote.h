/* zygote.h - the process that has the packages loaded and forks interpreters into boxes (zygote.py).
 *
 * One for all sessions, where packages are installed. Where it is not there (not yet, or it died), interpreters are
 * started in their boxes and load packages themselves. */
#pragma once
#include "sandbox/process.h"
#include "session/box.h"

struct zygote {
	struct process process;
	struct order_line line;
	int words;          /* what it says when it fails */
	_Atomic bool ready; /* it serves */
	bool started;
};

/* Keeper's thread: it dies with the thread that started it. false: ERR_UNAVAILABLE. */
bool zygote_launch(struct zygote *z, const char *program, struct err *e);
/* Waits until it serves, at most session.start_ms, twice: packages are large. */
bool zygote_ready(struct zygote *z, const _Atomic bool *stop, struct err *e);
/* Forks one into this box; as order_start(). */
bool zygote_start(struct zygote *z, const struct box *b, const char *const *env, const int *files, int n,
		  struct order_program *ret);
/* Keeper's thread has ended, or ends. */
void zygote_end(struct zygote *z);
