/* stream.h - the transport of revision 2024-11-05: a stream that stays open, and POSTs beside it. Inside mcp/ alone. */
#pragma once
#include "mcp/talk.h"

/* Opens the stream, shakes hands and asks, all in one. next() is given each answer and makes the next request in *r
 * (true), or has enough. What came last is in *t. */
void mcp_stream(struct mcp_talk *t, struct mcp_request *r,
		bool (*next)(void *ctx, const struct rpc *, struct mcp_request *r), void *ctx);
