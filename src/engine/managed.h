/* managed.h - an engine that Antiphon starts itself: a llama.cpp server as a child. One makes answers, another embeddings.
 *
 * Started from the main thread's loop; waits for its health, restarts with back-off, stops with us (also
 * when we are killed). Listens on a unix socket in a short run-time folder: a socket's path has 107 bytes. */
#pragma once
#include "engine/engine.h"

struct managed;
struct managed_events {
	void (*is)(struct managed_events *, bool up); /* it has loaded its model, or has ended. On the loop */
};
struct managed_options {
	struct str dir;   /* engine folder: {0} = $XDG_DATA_HOME/antiphon/engine */
	struct str model; /* a .gguf of one's own; {0}: the default model in `dir` */
	int64_t context;  /* tokens a slot; 0: 4096 */
	int64_t slots;    /* 0: 2 */
	struct str alias; /* model name; {0}: from the file name */
	struct str launcher; /* engine.py; {0}: managed_script() */
	bool embeds;         /* embeddings instead of answers: another default model, 512 tokens, all cores but niced */
	struct managed_events *events; /* NULL: nobody asks */
};
/* The folder, where {0} is the default. In `a`. */
struct str managed_dir(struct arena *a, struct str dir);
/* A script of the source tree that the program was built in, so that both are of one version; else the one in `dir`. */
struct str managed_script(struct arena *a, struct str dir, const char *name);
/* Is an engine installed there? *why names the command that mends it. */
bool managed_installed(const struct managed_options *o, struct err *why);
/* `*url` and `*alias` (life of the managed engine) go into an engine_config. */
bool managed_start(struct loop *main_loop, const struct managed_options *o, struct managed **ret, struct str *url,
                   struct str *alias, struct err *e);
/* Ends it, without waiting; it is not started again before managed_wake(). */
void managed_rest(struct managed *m);
void managed_wake(struct managed *m);
/* Closes: SIGTERM, SIGKILL after 2 s; blocks until it has ended. On the main thread, before its loop is
 * closed, after the engine calls are (an open stream delays the engine's end). NULL is fine. */
void managed_stop(struct managed *m);
