/* shell.h - commands of a shell in a session. Worker threads. */
#pragma once
#include "session/kept.h"
#include "session/session.h"

struct session_shell {
	struct kept out, err; /* the caller's, with their bounds; as they came, not mended */
	bool timed_out; /* or stopped; it was killed */
	int exit_code;  /* 128 + signal, as a shell has it */
	char why[160];  /* the box was lost meanwhile: why, as a sentence; else "" */
};
/* Runs `sh -c command` (bash where it is there) in /mnt/data. false, nothing ran: as session_python(). */
bool session_shell(struct sessions *s, const struct session_where *w, struct str command, int64_t timeout_ms,
		   const _Atomic bool *stop, struct session_shell *ret, struct err *e);
