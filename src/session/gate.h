/* gate.h - the only way out of a box, kept by somebody else: what programs inside connect to at the proxy that their
 * environment names waits at a socket outside. Without one a box has no network at all. Constant while a box is built.
 */
#pragma once
#include <stddef.h>

struct session_gate {
	/* The box is there; the socket, which listens, is now the gate's. Returns what close() gets; NULL: it cannot be
	 * kept. Any thread. */
	void *(*open)(const struct session_gate *, int listener);
	void (*close)(void *opened); /* the box is gone. Any thread */
	const char *const *env;      /* "NAME=value", for all programs of the box; at most SESSION_GATE_ENV */
	size_t n_env;
};
enum { SESSION_GATE_PORT = 3128, SESSION_GATE_ENV = 64 };
