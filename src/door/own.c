/* own.c - requests that the server makes of itself. */
#include "door/own.h"

void own_start(struct inner *in, struct api_loop *al, const struct own_ask *ask)
{
	struct inner_ask inner = {.service = &al->service, .method = METHOD_POST, .path = ask->path, .body = ask->body, .most = ask->most};
	struct exchange *x = inner_open(in, al->loop, &inner);
	struct request *rq = new (exchange_arena(x), struct request);
	*rq = (struct request){.api = al, .x = x, .route = ask->route, .project = ask->project, .key = ask->key, .low = ask->low};
	*exchange_slot(x) = rq;
	ask->route->handle(rq);
}
