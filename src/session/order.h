/* order.h - orders to whoever starts programs in boxes: the agent of one box, or the zygote of all (agent.h). Any
 * thread. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

struct order_line {
	int socket;
	_Atomic unsigned next_id;
};
struct order_program { /* started by an order */
	struct order_line *line;
	unsigned id;
	int status; /* readable: it has ended, or all of the box has. The caller closes it */
};
enum { ORDER_FILES = 7 };

/* Starts argv[0] with files 0, 1, 2 ... (they stay the caller's). Never waits: who has stopped reading is gone. false:
 * that, or files ran out. The line outlives the program. */
bool order_start(struct order_line *l, const char *const *argv, const char *const *env, const int *files, int n,
		 struct order_program *ret);
/* To the group of the program; nothing when it has ended. */
void order_signal(const struct order_program *p, int signal);
/* Its end: 0 and how in *status; 1: it has not ended yet; -1: it could not be started, or the box is gone. */
int order_ended(const struct order_program *p, int *status);
/* The line's first word, with n files that come with it, and who sent it (0: unknown). false: it is not that. */
bool order_greeting(struct order_line *l, int *files, int n, int *pid);
