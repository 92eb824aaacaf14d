/* session.h - boxes that stay: a Python that keeps its variables, and commands of a shell, over one folder of files.
 *
 * A session belongs to a container's key. Its box is built at the first call, sees one folder of the host as /mnt/data,
 * and lives until it is ended, has idled for session.idle_seconds, makes room for another, or breaks a bound. Files
 * outlive it, variables do not: the next call begins anew, and its result says why. One Python call at a time runs in a
 * session, others wait in order; commands run side by side. Calls block: worker threads, any number of them. */
#pragma once
#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"

struct sessions;
struct session_options {
	struct str python; /* folder of a virtual environment; {0}: the usual one, if there is one (packages.h) */
};
struct sessions *sessions_open(const struct session_options *o);
/* Nothing is started before the first use. Closing ends every box; no call may be under way. NULL is fine. */
void sessions_close(struct sessions *s);
/* false: this machine permits no box, or has no python3: ERR_CONFIG, the cause and its cure. Blocks the first time. */
bool session_refuse(const struct sessions *s, struct err *e);

struct session_mount {
	const char *from, *to; /* a folder of the host, read-only inside */
};
/* A box that lives keeps what it was built with: memory, mounts and gate are those of the call that found none. */
struct session_where {
	int64_t key;
	const char *folder; /* made by share_make() (session/share.h); becomes /mnt/data */
	int64_t memory;     /* bytes, of all in the box together; 0: session.memory */
	const struct session_mount *mounts;
	size_t n_mounts;
	const struct session_gate *gate; /* gate.h; NULL: no network at all */
	const _Atomic bool *gone; /* NULL, or set before session_end() of this key: nothing is begun in it any more */
	bool before;              /* an earlier process of the server ran calls in it: their variables are gone */
};

/* Ends the session's box, if any; calls under way are lost. Its folder stays. */
void session_end(struct sessions *s, int64_t key);
