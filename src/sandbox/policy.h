/* policy.h - what a box may use: data, filled in by whoever asks for one.
 *
 * Strings outlive the box's start. What is not given is not there: {0} has no folder but /usr, nowhere to write and no
 * network. Sizes are bytes. Memory is a bound of each process's address space: `processes` times
 * that is what a box may take. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOX_MOUNTS = 8, BOX_MORE = 256 };

struct box_mount {
	const char *from, *to; /* of the host; inside, absolute */
	bool write, maybe; /* maybe: only where it is there */
};

struct box_policy {
	int64_t memory, cpu_seconds, file_bytes;
	int64_t tmp_bytes; /* of /tmp, and of /dev/shm; 0: both are there, and nothing can be written */
	int64_t processes, open_files;
	bool proc;         /* its own /proc: needed by interpreters, not by readers of files */
	bool program;      /* the program is a file that we hand in: /program (walls.h) */
	struct box_mount mounts[BOX_MOUNTS];
	size_t n_mounts;
	const struct box_mount *more; /* the same, at most BOX_MORE */
	size_t n_more;
	bool stays; /* the program is the first process of the box: its init */
};

struct sandbox_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "sandbox/limits.def"
#undef LIMIT
};
extern struct sandbox_limits sandbox_limits; /* set before threads start, constant after */
