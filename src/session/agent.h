/* agent.h - what the server and the agent in a box say to one another.
 *
 * The agent is the first process of a box (its init): it starts programs there, signals and reaps them. It gets orders
 * over a SOCK_SEQPACKET socket, one a packet; the end of that socket is its end, and so the end of all in the box. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_SOCKET = 0,    /* descriptor that it finds the socket at */
	AGENT_FILES = 8,     /* descriptors that an order may carry */
	AGENT_STRINGS = 128, /* arguments and environment */
	AGENT_PACKET = 160 << 10,
	AGENT_GATE_PORT = 3128, /* SESSION_GATE_PORT */
	AGENT_PROGRAMS = 64, /* that run at once; more are refused by the end of their status */
};

enum agent_verb {
	AGENT_START =
	    1,        /* strings: argv, then environment. Files: they become 0, 1, 2 ..., the last is for the status */
	AGENT_SIGNAL, /* to the group of a program that was started; nothing when it has ended */
};
struct agent_order {
	uint32_t verb, id, signal, argc, envc; /* then the strings, each with its NUL */
};

/* To the status file, once the program has ended: as waitpid(2) gives it. */
typedef int32_t agent_status;

/* The agent's first and only packet, with three files: its /proc, /tmp and /dev/shm. With the argument AGENT_GATE a fourth:
 * a socket that listens at the box's 127.0.0.1:AGENT_GATE_PORT, before any program runs there. */
#define AGENT_READY "ready"
#define AGENT_GATE "gate"

/* The program itself, made when this is built (agent_main.c). */
extern const unsigned char agent_bytes[];
extern const size_t agent_bytes_n;
/* The driver of Python sessions (driver.py). */
extern const unsigned char driver_bytes[];
extern const size_t driver_bytes_n;
/* What has packages loaded and forks sessions (zygote.py). */
extern const unsigned char zygote_bytes[];
extern const size_t zygote_bytes_n;
