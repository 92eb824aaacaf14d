/* check_say.h - what the parts of `antiphon check` share: one line a finding, and how to mend it. Main thread. */
#pragma once
#include "main/args.h"

enum finding { FINE, NOTE, BAD };

struct check {
	struct args *args;
	struct arena *arena; /* the config's */
	int bad;             /* findings that are BAD */
};

/* Prints "ok/note/BAD  what  text"; `mend` (may be NULL) says on a line of its own what to do or what follows. */
void check_say(struct check *c, enum finding f, const char *what, const char *mend, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
