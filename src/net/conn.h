/* conn.h - one connection (TCP, unix socket, either under TLS): bytes in, gathered bytes out.
 *
 * Embedded in its owner, used by server and client alike. Writes are collected and leave together, in one
 * system call, at the end of the loop's turn. Callbacks never run inside a function of this header. After
 * conn_close() the only callback left is closed(), and only there may the memory be freed. Loop thread. */
#pragma once
#include <uv.h>

#include "base/buf.h"
#include "loop/loop.h"

struct conn;
struct ssl_st;

struct conn_events {
	/* Bytes came; they are a buffer shared by the whole thread, valid for this call only. */
	void (*read)(struct conn *, struct str bytes);
	/* The peer left (UV_EOF) or the connection broke (another UV_ error); nothing is read or written any
	 * more. At most once. The owner still has to call conn_close(). */
	void (*gone)(struct conn *, int why);
	/* Something was handed to the kernel: look at conn_waiting(). May be NULL. */
	void (*wrote)(struct conn *);
	/* The end of conn_close(). */
	void (*closed)(struct conn *);
};

struct conn {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	const struct conn_events *events;
	struct loop *loop;
	struct buf out;    /* collected; under TLS not yet enciphered; its memory is the loop's while it is empty */
	size_t taken;      /* bytes of `out` that are enciphered already */
	uint64_t given;    /* bytes handed to the kernel or to libuv so far */
	struct conn_flight *flight; /* what libuv writes later; NULL: nothing */
	struct deferred flush;
	struct ssl_st *ssl; /* NULL: plain */
	bool closing, broken;
	bool finish;   /* FIN when everything is written */
	bool finished; /* FIN sent */
	bool paused, resumed;
	int why; /* the error gone() will tell */
};

/* Open handles without a peer: then uv_accept(), uv_tcp_connect(), uv_tcp_open() ... on &c->uv, and
 * conn_start(). Once initialised it must be closed. */
void conn_init_tcp(struct conn *c, struct loop *l, const struct conn_events *ev);
void conn_init_unix(struct conn *c, struct loop *l, const struct conn_events *ev);
/* Speaks TLS from here on; takes over `ssl`, which has its context, role (SSL_set_accept_state or
 * SSL_set_connect_state), name and verification set. Before conn_start(). */
void conn_tls(struct conn *c, struct ssl_st *ssl);
/* Begins to read (and the client's TLS handshake); TCP_NODELAY is set. */
void conn_start(struct conn *c);

/* Collects a copy. Past 1 GiB waiting the connection breaks (UV_ENOBUFS). */
void conn_write(struct conn *c, struct str bytes);
/* The collecting buffer, to render into without a copy; conn_touch() afterwards. */
struct buf *conn_out(struct conn *c);
void conn_touch(struct conn *c);
/* Bytes that the kernel has not yet taken over. */
size_t conn_waiting(const struct conn *c);
/* Bytes that the kernel has taken over so far: it grows while the peer reads. */
uint64_t conn_sent(const struct conn *c);
/* After what is written: FIN (and TLS close_notify). Reading goes on. */
void conn_finish(struct conn *c);

/* Stops and resumes reading; a stopped connection does not notice that its peer left. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* Drops what is not written and closes. Legal always, twice too. */
void conn_close(struct conn *c);
/* What OpenSSL says about a connection that broke in TLS, "" otherwise; for messages. */
const char *conn_tls_error(const struct conn *c);
