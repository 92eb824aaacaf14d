/* dial.h - opens a connection to an engine: name, address after address, proxy, TLS.
 *
 * Internal to the HTTP client. Embedded in the client's connection; after opened() the conn is its owner's
 * (who sets conn.events), before that it is the dial's. Callbacks never run inside dial_start(). Loop thread. */
#pragma once
#include "net/client.h"
#include "net/conn.h"
#include "net/names.h"

struct ssl_ctx_st;

struct dial_work; /* what is needed while dialling only */
struct dial {
	struct conn conn;
	struct dial_work *work; /* NULL: opened, or closed */
	void (*opened)(struct dial *);
	/* `why` is for people; dial_close() is still the owner's to call. */
	void (*failed)(struct dial *, const char *why);
	/* The end of dial_close() before opened(); the memory may be freed. */
	void (*closed)(struct dial *);
};

/* `t` outlives the dial; `tls` may be NULL for plain targets. connect_ms (0: none) is shared by the addresses. */
void dial_start(struct dial *d, struct loop *l, struct names *names, struct ssl_ctx_st *tls,
                const struct http_target *t, int64_t connect_ms);
/* Gives up; only before opened(). closed() follows. */
void dial_close(struct dial *d);
/* The client's TLS settings: peers are verified against the system's store. */
struct ssl_ctx_st *dial_tls_new(void);
