/* server.h - HTTP/1.1 server: connections in, exchanges out.
 *
 * One server per loop; with several loops each has its own listening socket (SO_REUSEPORT). An
 * exchange is one request and its answer. It belongs to the connection and lives from the handler's
 * call until the answer is ended (exchange_send, exchange_end, exchange_abort) or the reader is gone.
 * All functions: the server's loop thread. Rules: RFC 9110, RFC 9112; what is refused and why is in
 * net/http.c. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "loop/loop.h"

struct server;
struct exchange;
struct ssl_ctx_st;

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_DELETE, METHOD_PUT, METHOD_PATCH, METHOD_OPTIONS, METHOD_OTHER };

struct net_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "net/limits.def"
#undef LIMIT
};
extern struct net_limits net_limits; /* set before servers open, constant after */

/* What the house above does with requests. Constant while the server is open. */
struct service {
	/* The head is complete and well formed; nothing of the body is read. false: *e is answered
	 * at once (through `refuse`) and the body dropped. May answer by itself: then `true`. */
	bool (*head)(struct service *, struct exchange *, struct err *e);
	/* Head and body (decompressed) are complete. Must end the exchange, now or later. */
	void (*handle)(struct service *, struct exchange *);
	/* Answers a failure in the house's own form (JSON error body) with exchange_send(), at once. Also
	 * called for what the server itself refuses (400, 408, 413, 415, 417, 431, 503): then either the
	 * request's members are empty (no head was understood) or head() has seen the exchange. */
	void (*refuse)(struct service *, struct exchange *, const struct err *e);
	/* The same failure as text alone, for an answer whose 200 has left to break a silence. NULL: such a connection
	 * is cut. */
	struct str (*failure)(struct service *, struct exchange *, const struct err *e);
	/* The exchange is over: answered with this status, or 0: its client left first. Once; nothing may be sent. NULL: not told. */
	void (*ended)(struct service *, struct exchange *, int status);
};

/* Whoever answers slowly listens here (embed it). */
struct reader {
	void (*gone)(struct reader *); /* the client left or stalled: the exchange is no more; at most once */
	void (*room)(struct reader *); /* after exchange_full() was true: there is room again */
};

struct listen_options {
	struct str host;        /* "127.0.0.1", "::1", "0.0.0.0", "unix:PATH" (mode 0600) */
	int port;               /* 0: any free one */
	bool owner;             /* who can connect is this machine's owner (a socket in the data folder) */
	bool share;             /* SO_REUSEPORT: set for the second and later loops */
	struct ssl_ctx_st *tls; /* NULL: plain */
};

struct server *server_new(struct loop *l, struct service *s);
/* May be called several times. *port gets the port (may be NULL). A taken port is ERR_CONFIG. */
bool server_listen(struct server *s, const struct listen_options *o, int *port, struct err *e);
/* Stops accepting and closes idle connections; running exchanges go on and close after their answer. */
void server_drain(struct server *s);
/* Exchanges and connections that are open. */
size_t server_busy(const struct server *s);
/* Closes everything at once; readers are told gone(). */
void server_free(struct server *s);

/* --- its books, for its connections (peer.c) --- */
struct peer;
struct loop *server_loop(const struct server *s);
struct service *server_service(const struct server *s);
bool server_draining(const struct server *s);
void server_add(struct server *s, struct peer *p);
void server_remove(struct server *s, struct peer *p);
