/* exchange_request.c - what was asked. */
#include "net/exchange_request.h"

#include "net/inner_exchange.h"
#include "net/peer.h"

const struct exchange_request *exchange_request(const struct exchange *x)
{
	return &x->req;
}

struct str exchange_header(const struct exchange *x, struct str name)
{
	const struct http *h = &peer_of(x)->http;
	if (x->inner)
		return (struct str){0};
	return h->in_body ? http_field(h, name) : (struct str){0};
}

void exchange_forget(struct exchange *x)
{
	struct peer *p = peer_of(x);
	if (x->inner || p->at != AT_RUN)
		return;
	x->req.target = x->req.path = x->req.query = x->req.body = S("");
	http_release(&p->http);
	buf_release(&p->body.bytes);
}

struct arena *exchange_arena(struct exchange *x)
{
	return x->inner ? &x->inner->arena : &peer_of(x)->arena;
}

struct loop *exchange_loop(struct exchange *x)
{
	return x->inner ? x->inner->loop : peer_of(x)->conn.loop;
}

struct service *exchange_service(struct exchange *x)
{
	if (x->inner)
		return x->inner->service;
	struct server *s = peer_of(x)->server;
	return s ? server_service(s) : NULL;
}

void **exchange_slot(struct exchange *x)
{
	return &x->slot;
}
