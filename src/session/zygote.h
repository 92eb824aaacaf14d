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
	struct zygote *next; /* those before it, which died */
};

/* Keeper's thread: it dies with the thread that started it. false: ERR_UNAVAILABLE. */
bool zygote_launch(struct zygote *z, const char *program, struct err *e);
/* Waits until it serves, at most session.start_ms, twice: packages are large. */
bool zygote_ready(struct zygote *z, const _Atomic bool *stop, struct err *e);
/* Forks one into this box; as order_start(). */
bool zygote_start(struct zygote *z, const struct box *b, const char *const *env, const int *files, int n,
		  struct order_program *ret);
/* It is dead or has to be. Its line stays open, since others may be using it. */
void zygote_bury(struct zygote *z);
/* Nobody uses it any more. */
void zygote_end(struct zygote *z);
