/* process.h - a program of the system started with nothing of ours but the descriptors it is given; waited for with a
 * deadline, always. Any thread; a process belongs to the thread that started it, which must not end before it: a box
 * dies with its parent, which to the kernel is a thread (PR_SET_PDEATHSIG in prctl(2)). */
#pragma once
#include <stdatomic.h>
#include <sys/types.h>

#include "base/err.h"

struct process_files { /* become 0, 1, 2, then 3 and so on; err -1: /dev/null. They stay the caller's */
	int in, out, err, more[3], n_more;
};
struct process {
	pid_t pid; /* leads a group of its own */
	int pidfd; /* -1: a kernel without them */
};

/* No environment, the folder /, no blocked signals. ERR_CONFIG: it cannot be started. */
bool process_start(struct process *p, const char *const *argv, const struct process_files *f, struct err *e);
/* Until it ended, and *status is as waitpid(2) gives it; what is left of its group is killed. ERR_REQUEST_TIMEOUT: it
 * did not end by then, or *cancelled (may be NULL) was set; process_kill() has to follow. */
bool process_wait(struct process *p, int64_t until_us, const _Atomic bool *cancelled, int *status, struct err *e);
/* Kills the group and waits for it, at most sandbox.kill_ms. */
void process_kill(struct process *p);
/* A new file in memory (close-on-exec) that holds these bytes, to be read from its beginning; -1. Its number is above
 * those that process_start() gives out. */
int process_memory(struct str bytes);
