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
#include "session/kept.h"

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

enum session_kind { SESSION_PRINTED, SESSION_VALUE, SESSION_IMAGE };
struct session_ears {
	/* Once for each entry, in the order of production, on the calling thread: a text that was printed (UTF-8,
	 * mended, with \n and \t as its only control characters) or the value of the last expression; a PNG. */
	void (*on_output)(void *ctx, enum session_kind kind, struct str bytes);
	void *ctx;
};

enum session_end {
	SESSION_OK,
	SESSION_RAISED,      /* an exception; its traceback was printed */
	SESSION_INTERRUPTED, /* its time was over, or *stop was set, or it printed too much; variables are kept */
	SESSION_LOST,        /* it did not come to its end: the interpreter or the box is gone */
};
struct session_result {
	enum session_end end;
	bool fresh;       /* this call began without variables of earlier ones */
	char before[160]; /* if fresh and there were some: why they are gone, as a sentence; else "" */
	char why[160];    /* of INTERRUPTED and LOST, as a sentence: "Killed: more than 1024 MB of memory were used." */
	int64_t left_out; /* bytes of output beyond session.output_bytes that were dropped */
};
/* Runs `code` for at most timeout_ms (0: session.call_ms), waiting for others included. *stop (may be NULL), set
 * elsewhere, interrupts it. false, nothing ran: ERR_CONFIG as session_refuse(), ERR_BUSY, ERR_UNAVAILABLE (the box did
 * not start), ERR_REQUEST_TIMEOUT, ERR_NOT_FOUND (it is `gone`). */
bool session_python(struct sessions *s, const struct session_where *w, struct str code, int64_t timeout_ms,
		    const _Atomic bool *stop, const struct session_ears *ears, struct session_result *ret,
		    struct err *e);

struct session_shell {
	struct kept out, err; /* the caller's, with their bounds; as they came, not mended */
	bool timed_out; /* or stopped; it was killed */
	int exit_code;  /* 128 + signal, as a shell has it */
	char why[160];  /* the box was lost meanwhile: why, as a sentence; else "" */
};
/* Runs `sh -c command` (bash where it is there) in /mnt/data. false as above. */
bool session_shell(struct sessions *s, const struct session_where *w, struct str command, int64_t timeout_ms,
		   const _Atomic bool *stop, struct session_shell *ret, struct err *e);

/* Ends the session's box, if any; calls under way are lost. Its folder stays. */
void session_end(struct sessions *s, int64_t key);
/* Text as session_ears gives it: UTF-8, mended, without control characters and escape sequences of terminals. */
void session_mend(struct str in, struct buf *out);
