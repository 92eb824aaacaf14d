/* child.h - a child process that dies with us.
 *
 * Started from the main thread only (the parent-death signal is sent when the thread that forked
 * ends), in a session of its own (Ctrl-C must not reach it), inheriting no descriptor but the
 * standard ones: stdin is /dev/null, stdout and stderr are read line by line. */
#pragma once
#include "loop/loop.h"

struct child;

struct child_events {
	void (*line)(struct child_events *, struct str line);             /* at most 4 KB, cut */
	void (*exited)(struct child_events *, int status, int signal_no); /* last call */
};

/* argv and extra environment ("NAME=value") are NULL-terminated and copied. */
bool child_start(struct loop *l, const char *const *argv, const char *const *env, struct child_events *ev,
                 struct child **ret, struct err *e);
int child_pid(const struct child *c);
/* SIGTERM now, SIGKILL after grace_ms; exited() still comes. */
void child_stop(struct child *c, int grace_ms);
/* Frees it; kills it at once when it still runs. exited() does not come any more. */
void child_free(struct child *c);
/* For the way out, when the loop runs no more: SIGTERM, SIGKILL after grace_ms, blocks until it has ended,
 * frees. exited() does not come. */
void child_end(struct child *c, int grace_ms);
