/* table.h - the sessions of this process, and the thread that builds, watches and ends their boxes.
 *
 * What calls share stands behind `lock`; `changed` is told of every change. */
#pragma once
#include <pthread.h>

#include "base/map.h"
#include "session/interpreter.h"
#include "session/pool.h"

struct session_waiter { /* a Python call, on its stack */
	struct session_waiter *next;
};
struct session {
	int64_t key;
	unsigned calls;               /* under way or waiting */
	struct session_waiter *queue; /* Python calls; the first one's turn it is */
	bool building;
	struct box *box;           /* NULL: none. Held */
	struct interpreter python; /* whose turn it is uses it */
	int64_t used_us;
	char lost[160]; /* why the last interpreter is gone; "": there was none */
};

struct keeper_job {                        /* on the stack of the one who waits for it */
	const struct session_where *where; /* NULL: the zygote is wanted */
	struct box *box;
	struct err e;
	bool done;
	struct keeper_job *next;
};
struct sessions {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct map map;    /* key > session */
	struct box *boxes; /* the keeper's */
	struct keeper_job *jobs;
	pthread_t thread;
	bool started, ended;
	_Atomic bool ending; /* the keeper's thread; no more boxes wait; no more are built */
	struct pool pool;
	struct interpreter_kind kind;
};

/* The session of a key, held for a call; made where it is not there. */
struct session *table_enter(struct sessions *s, const struct session_where *w);
/* The call is over. */
void table_leave(struct sessions *s, struct session *at);
/* `turn`: it is a Python call's, whose turn it is. Its box, held and ready: one that lives, or a new one. NULL:
 * ERR_CONFIG, ERR_BUSY, ERR_UNAVAILABLE, ERR_REQUEST_TIMEOUT, ERR_NOT_FOUND. */
struct box *table_box(struct sessions *s, struct session *at, const struct session_where *w, bool turn,
		      int64_t until_us, const _Atomic bool *stop, struct err *e);
/* A call begins in it, so it is looked at often; b->calls goes down again when it is over. */
void table_busy(struct sessions *s, struct box *b);
