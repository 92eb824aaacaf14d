/* exchange_request.h - what was asked: an exchange's request, and the places that go with it.
 *
 * Included by exchange.h, which answers. The loop's thread. */
#pragma once
#include "net/server.h"

struct exchange_request {
	enum method method;
	struct str method_text, target; /* as sent */
	struct str path, query;         /* of target; path still percent-encoded */
	struct str body;                /* decompressed; "" when none */
	struct str peer;                /* address, "unix" */
	bool loopback;                  /* the peer is on this machine */
	bool owner;                     /* it came over the owner's own socket */
	bool tls;
	struct str request_id;          /* ours: req_... */
	int64_t began_us;               /* clock_mono_us() when the head was complete */
};
const struct exchange_request *exchange_request(const struct exchange *x);
/* Of what was asked, header fields, target and body are not read again: their memory is given back, for the answer may
 * take long. The body still counts as in flight: whoever has read it holds its own copy. */
void exchange_forget(struct exchange *x);
/* First header of that name, trimmed; {0} when absent. */
struct str exchange_header(const struct exchange *x, struct str name);
/* The request arena: released when the exchange ends. */
struct arena *exchange_arena(struct exchange *x);
struct service *exchange_service(struct exchange *x); /* NULL after server_free() */
struct loop *exchange_loop(struct exchange *x);
void **exchange_slot(struct exchange *x); /* one word for the service above (its project, route, ...) */
