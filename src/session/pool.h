/* pool.h - boxes that wait, each with an interpreter, for containers to come.
 *
 * A box sees one folder, chosen when it is built. So each waits over an empty one of its own, beside the containers'
 * folders, which is moved to where the container's is when it is taken: to move a folder does not change what a box
 * sees. */
#pragma once
#include <pthread.h>

#include "session/interpreter.h"

struct sessions;

enum { POOL_MOST = 64 };
struct pool {
	struct pool_place {
		struct box *box;
		struct interpreter interpreter;
		char folder[4096];
	} * at[POOL_MOST];
	size_t n;
	char parent[4000]; /* where their folders are; "": not known yet */
	pthread_t thread;
	bool started;
	unsigned made, preloads; /* so often */
};

/* Takes one for this container, if one waits and will do. The caller holds the box, and has the interpreter. */
bool pool_take(struct sessions *s, const struct session_where *w, struct box **box, struct interpreter *ret);
/* With the lock: starts the thread that fills it, where `w` is the first container. */
void pool_begin(struct sessions *s, const struct session_where *w);
/* Ends the thread, gives up what waits. */
void pool_end(struct sessions *s);
