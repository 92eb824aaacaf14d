/* python.h - calls of a session's Python: what it prints and shows, and how they end. Worker threads. */
#pragma once
#include "session/session.h"

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
