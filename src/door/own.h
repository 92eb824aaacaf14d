/* own.h - requests that the server makes of itself: lines of batches, chat completions that are made as responses.
 *
 * They go to the handler of their route like any other, in the name of who asked for what they are part of. The owner of
 * `in` sets its callbacks before and hears the answer (net/inner.h). Loop thread. */
#pragma once
#include "door/request.h"
#include "net/inner.h"

struct own_ask {
	const struct route *route; /* of api->route() */
	struct str path, body;     /* copied */
	int64_t project;
	struct id key; /* of who asked */
	size_t most; /* bytes: as of struct inner_ask */
	bool low;    /* its calls of engines let all others go before them */
};
void own_start(struct inner *in, struct api_loop *al, const struct own_ask *ask);
