/* sandbox.h - a program of the system run over foreign bytes, where it can reach nothing.
 *
 * bubblewrap gives it a file system of /usr, read-only, with nowhere to write; no network, no other process, no
 * environment, no root. A filter refuses the system calls that it has no use for, prlimit bounds its memory, CPU time,
 * files and processes; we bound its output and its time. Its input is its standard input, its output its standard
 * output. Where the machine does not permit a box, nothing runs (host.h says why), unless sandbox_limits_only says that
 * the bounds alone will do. Blocks: worker threads. */
#pragma once
#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"
#include "sandbox/policy.h"

extern bool sandbox_limits_only; /* setting api.sandbox; before threads start */

enum { SANDBOX_ARGS = 16 };
struct sandbox {
	const char *argv[SANDBOX_ARGS]; /* "/usr/bin/...", NULL-terminated */
	struct str program;             /* an ELF file to be run instead of a file named argv[0]; {0}: none */
	struct str input;
	int64_t seconds, memory;       /* of time, by the clock, until it has ended; bytes of address space */
	const _Atomic bool *cancelled; /* set elsewhere: killed within a tenth of a second. May be NULL */
};

/* Appends what it wrote to `out`; more than out->max sets out->over and kills it. false: ERR_CONFIG, it cannot be
 * run here; ERR_REQUEST_TIMEOUT; ERR_FILE_PARSE, it failed. */
bool sandbox_run(const struct sandbox *s, struct buf *out, struct err *e);
/* The same in a box of the caller's own policy. */
bool sandbox_run_in(const struct sandbox *s, const struct box_policy *p, struct buf *out, struct err *e);
