/* walls.h - the command line that puts a program into a box. Pure but for a look at /lib; any thread.
 *
 *   setpriv (only when we are root: never root outside) bwrap (walls; never root inside) prlimit (bounds) PROGRAM
 *
 * The options of bubblewrap: bwrap(1). Its own /, /dev and /dev/shm are file systems in memory without a size, so
 * they are remounted read-only or get one. */
#pragma once
#include "sandbox/policy.h"

enum { WALLS_ARGS = 1024, WALLS_NUMBERS = 16, WALLS_FILTER_FD = 3, WALLS_PROGRAM_FD = 4 };

struct walls {
	const char *argv[WALLS_ARGS]; /* NULL-terminated; points into itself, so it must not be copied */
	size_t n;
	char numbers[WALLS_NUMBERS][48];
	size_t n_numbers;
};

/* All that stands before the program. bounds_only: without bubblewrap and filter, for operators who asked for it. The
 * filter is read from the descriptor WALLS_FILTER_FD, the program of p->program from
 * WALLS_PROGRAM_FD. */
void walls_build(struct walls *w, const struct box_policy *p, bool bounds_only);
/* The beginning of that alone, for a program of ours without walls: it is not root. */
void walls_begin(struct walls *w);
void walls_add(struct walls *w, const char *arg);
