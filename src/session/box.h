/* box.h - one box that stays: its process, the agent in it (session/agent.h), and what is started there.
 *
 * Counted: whoever works in a box holds it. It is built by the keeper's thread, since a box dies with the thread that
 * started it; the rest is for any thread. */
#pragma once
#include "sandbox/process.h"
#include "session/order.h"
#include "session/session.h"

enum box_why { BOX_LIVES, BOX_DIED, BOX_TIME, BOX_MEMORY, BOX_FOLDER, BOX_DISK, BOX_IDLE, BOX_ROOM, BOX_CROWDED, BOX_ENDED };

struct box {
	struct box *next; /* the keeper's list */
	struct process process;
	struct order_line line; /* to its agent */
	_Atomic unsigned holders;
	_Atomic int why, calls;          /* enum box_why; calls under way */
	int init, words, proc, tmp, shm; /* the agent's pidfd; what bubblewrap said; folders in it */
	const struct session_gate *gate; /* until it is open; then `opened` is what it gave */
	void *opened;
	void (*close)(void *opened);
	char **env; /* of its gate, NULL at its end; NULL: it has none */
	int64_t memory, looked_us;
	bool reaped;       /* keeper.c */
	char folder[4096]; /* on the host */
};

/* Keeper's thread. NULL: ERR_UNAVAILABLE. The one who asked holds it; it is not ready yet. */
struct box *box_build(const struct session_where *w, const char *python, struct err *e);
/* Waits for its agent. false: ERR_UNAVAILABLE, ERR_REQUEST_TIMEOUT. */
bool box_ready(struct box *b, int64_t until_us, const _Atomic bool *stop, struct err *e);
/* The bound of one process, for so much of all: the brake between two looks. */
int64_t box_address_space(int64_t memory);
/* The first reason counts. */
void box_kill(struct box *b, enum box_why why);
/* A sentence: "Killed: more than 1024 MB of memory were used." `ret`: 160 bytes. */
void box_say_why(const struct box *b, char *ret);
void box_hold(struct box *b);
void box_drop(struct box *b);
