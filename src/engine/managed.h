/* managed.h - the engine that Antiphon starts itself: a llama.cpp server as a child.
 *
 * Started from the main thread's loop; waits for its health, restarts with back-off, stops with us (also
 * when we are killed). Listens on a unix socket in a short run-time folder: a socket's path has 107 bytes. */
#pragma once
#include "engine/engine.h"

struct managed;
struct managed_options {
	struct str dir;   /* engine folder: {0} = $XDG_DATA_HOME/antiphon/engine */
	struct str model; /* a .gguf of one's own; {0}: the default model in `dir` */
	int64_t context;  /* tokens a slot; 0: 4096 */
	int64_t slots;    /* 0: 2 */
	struct str alias; /* model name; {0}: from the file name */
	struct str launcher; /* engine.py; {0}: ../tools/ beside the program's folder, else the copy in `dir` */
};
/* Is an engine installed there? *why names the command that mends it. */
bool managed_installed(const struct managed_options *o, struct err *why);
/* `*url` and `*alias` (life of the managed engine) go into an engine_config. */
bool managed_start(struct loop *main_loop, const struct managed_options *o, struct managed **ret, struct str *url,
                   struct str *alias, struct err *e);
/* Closes: SIGTERM, SIGKILL after 2 s; blocks until it has ended. On the main thread, before its loop is
 * closed, after the engine calls are (an open stream delays the engine's end). NULL is fine. */
void managed_stop(struct managed *m);
