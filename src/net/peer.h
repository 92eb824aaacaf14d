/* peer.h - inside of the server: one client's connection and the exchange on it.
 *
 * A peer owns everything about its connection: parser, body, request arena, the one exchange that may be
 * open. It frees itself when the connection is closed and no exchange is open any more: a handler
 * that registered no reader may still hold one after its client left. Loop thread. */
#pragma once
#include <netinet/in.h>

#include "net/body.h"
#include "net/conn.h"
#include "net/exchange.h"
#include "net/http.h"

enum peer_at {
	AT_IDLE,   /* waits for the first byte of a head */
	AT_HEAD,   /* reads a head */
	AT_BODY,   /* the head is accepted, the body comes */
	AT_RUN,    /* the service works; what comes is kept: who stops reading never hears of a close */
	AT_DROP,   /* answered early; the rest of a small body is dropped, then the next request */
	AT_NEXT,   /* answered; the next request may begin */
	AT_TAP,    /* upgraded: the exchange's tap gets what comes */
	AT_LINGER, /* answered for the last time: what comes is dropped until the client closes */
	AT_CUT,    /* aborted; closes when this turn's bytes have been tried */
	AT_GONE    /* the connection is closing or closed */
};

enum exchange_at {
	X_NONE, /* no exchange */
	X_OPEN, /* nothing of the answer is sent */
	X_BEGUN /* the head is sent, the body follows */
};

struct extra_header {
	struct extra_header *next;
	struct str line; /* "Name: value\r\n" */
};

struct exchange_intake { /* a body that goes to a sink (body_sink.h) */
	struct body_sink *sink; /* NULL: none, or told its end */
	int64_t most, seen;
	int64_t marked; /* `seen` when the deadline last fired */
	bool held;
};

struct exchange {
	enum exchange_at at;
	bool keep;    /* the connection goes on after this answer */
	bool chunked; /* the answer is */
	bool mute;    /* HEAD: no body */
	bool full;    /* the reader was told to wait, or will be */
	int status;   /* of the answer; 0: none was begun */
	struct reader *reader;
	struct exchange_tap *tap; /* after exchange_upgrade() */
	struct inner_exchange *inner; /* it has no connection (inner.h); NULL: it is a peer's */
	struct exchange_intake intake;
	struct extra_header *extra, **last_extra;
	struct exchange_request req;
	void *slot;
	char id[64]; /* of req.request_id: ID_MAX */
};

struct peer {
	struct conn conn;
	struct server *server; /* NULL: freed meanwhile */
	struct peer *next, *prev;
	enum peer_at at;
	bool feeding; /* peer_feed() is on the stack */
	bool closed;  /* the connection is closed: no callback of it comes */
	bool last;    /* no request after this one */
	bool tls, loopback, owner;
	struct err *body_err; /* where body_feed() writes, while http_feed() runs */
	struct http http;
	struct body body;
	struct exchange x;
	struct arena arena;
	struct buf kept;       /* pipelined bytes */
	struct timer deadline; /* of the state */
	struct timer stall;    /* while the kernel takes nothing */
	uint64_t stall_sent;   /* conn_sent() when `stall` was started */
	struct deferred after; /* goes on after an answer; tells gone(); frees */
	char address[INET6_ADDRSTRLEN];
};

/* Whose it is; not of one without a connection (inner.h). */
static inline struct peer *peer_of(const struct exchange *x)
{
	return OWNER(x, struct peer, x);
}

struct peer_options {
	bool is_unix, loopback, owner;
	bool full;              /* too many connections: 503 and close */
	struct ssl_ctx_st *tls; /* NULL: plain */
	const char *address;
};
/* Takes over an accepted descriptor. */
void peer_start(struct server *s, int fd, const struct peer_options *o);
/* Starts what follows an answer, or the end of a peer that is gone. */
void peer_after(struct peer *p);
/* The answer is complete, by exchange.c. */
void peer_answered(struct peer *p);
/* Closes at once and tells the reader, when one listens. Legal in every state. */
void peer_close(struct peer *p);
/* Closes without a proper end, after what is collected was offered to the kernel. */
void peer_cut(struct peer *p);
/* Closes if no request is open; tells a tap. */
void peer_close_idle(struct peer *p);

/* The exchange ends: tells the service. `status` 0: its client left first. */
void exchange_over(struct peer *p, int status);
/* Opens an exchange: request members that need no head are set. */
void exchange_open(struct peer *p);
/* May the connection go on after the answer that begins now? */
bool peer_keeps(const struct peer *p);
