/* client.h - HTTP/1.1 client on the loop, for engines: pooled connections, TLS, unix sockets, proxies.
 *
 * A call is embedded in its owner; callbacks come on the loop's thread, never inside http_call_start().
 * Names are resolved on a worker thread; a cancel never blocks. Only plain streaming POST/GET is
 * spoken: no redirects, no compression, no cookies. Loop contract: see loop.h. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "loop/loop.h"
#include "net/server.h"
#include "net/target.h"

struct client; /* one per loop: its connections */

struct client *client_new(struct loop *l);
void client_free(struct client *c);

struct http_call {
	/* The head of the answer; headers through http_call_header(). */
	void (*on_head)(struct http_call *, int status);
	void (*on_body)(struct http_call *, struct str bytes);
	/* The answer is complete (e->code == ERR_NONE) or failed; the call is idle. ERR_ENGINE: could
	 * not connect, cut, malformed; ERR_ENGINE_TIMEOUT. e->param is empty. `sent` tells whether any
	 * byte of the request may have reached the peer. */
	void (*on_end)(struct http_call *, const struct err *e);
	struct http_conn *conn; /* NULL: idle */
	bool sent, head_seen;
	int64_t connect_ms, first_byte_ms, idle_ms, total_ms; /* deadlines; 0: none. Set before start. */
	size_t head_max, body_max;                            /* bytes; 0: 64 KB, unlimited */
	bool streams;                        /* set before start: the body follows in pieces, chunked */
	void (*on_room)(struct http_call *); /* of such a one, after false: write on. May be NULL */
};
/* `path` is put behind the target's prefix. `headers` is whole lines "Name: value\r\n" (without Host, Content-Length, Connection). Everything is
 * copied. Never fails at once: failures come through on_end(). */
void http_call_start(struct client *c, struct http_call *call, const struct http_target *t, enum method m,
                     struct str path, struct str headers, struct str body);
/* Of a call that streams: a piece of its body, copied. false: much waits, until on_room(). Legal always. */
bool http_call_write(struct http_call *call, struct str bytes);
/* That was the last one. */
void http_call_finish(struct http_call *call);
/* Trimmed; {0} when absent. From on_head() until the call is idle. */
struct str http_call_header(const struct http_call *call, struct str name);
/* Stops reading: TCP slows the peer. What was read already (64 KB at most) still comes. */
void http_call_pause(struct http_call *call);
void http_call_resume(struct http_call *call);
/* `to`, an idle call with deadlines and callbacks of its own, goes on with what `from` has begun; from is idle then. Legal in from's
 * on_head(), too. */
void http_call_take(struct http_call *to, struct http_call *from);
/* Closes the connection at once (an engine then frees its slot). Legal always. */
void http_call_cancel(struct http_call *call);
