/* way.h - how a server is spoken to: the revisions of MCP, and the ladder from one to the next.
 *
 * "Modern" is revision 2026-07-28: one POST a request, no handshake. "Legacy" is 2025-11-25 and older: initialize, then
 * mostly a session. "SSE" is the transport of 2024-11-05: answers come on a stream that stays open. What is out there
 * is found by asking (docs/design/mcp.md, "The ladder"). Pure; any thread. */
#pragma once
#include "mcp/jsonrpc.h"

enum mcp_era { MCP_UNKNOWN, MCP_MODERN, MCP_LEGACY, MCP_SSE };

struct mcp_way {
	enum mcp_era era;
	struct str version, session; /* legacy: as negotiated; {0}: none */
	bool bridge; /* it answered without any handshake, but starts anew for each request: a session is to be had
			first */
};

/* What came back for a request. */
struct mcp_heard {
	int status;
	const struct rpc *m; /* NULL: nothing that is a message */
};

enum mcp_step {
	MCP_USE,        /* it is the answer */
	MCP_INITIALIZE, /* try again with a handshake */
	MCP_STREAM,     /* try the transport of 2024-11-05 */
	MCP_STOP,       /* nothing older may be tried, or would help */
};
/* After the modern form of the first request. *version: what to offer in the handshake. */
enum mcp_step mcp_after_modern(const struct mcp_heard *h, struct str *version);
/* After `initialize`; USE: *version is what was agreed on. */
enum mcp_step mcp_after_initialize(const struct mcp_heard *h, struct str *version);
enum mcp_loss {
	MCP_KEPT,
	MCP_PERHAPS, /* a session may be gone, or the request was wrong: ask again what may be asked twice */
	MCP_LOST,    /* it says so, and has done nothing: ask again */
};
/* After a request within a session; unless KEPT, initialize. */
enum mcp_loss mcp_session_lost(const struct mcp_way *way, const struct mcp_heard *h);

/* --- requests --- */
struct mcp_request {
	int64_t id;
	struct str method, name; /* name: of the tool that is called, {0} */
	struct str members;      /* of its params, as JSON: "\"cursor\":\"x\"", "" for none */
};
struct mcp_post {
	struct str body;
	const struct str *headers; /* "Name: value" */
	size_t n;
};
/* In `a`. */
void mcp_post(struct arena *a, const struct mcp_way *way, const struct mcp_request *r, struct mcp_post *ret);
struct str mcp_initialize(struct arena *a, int64_t id, struct str version);
/* A header's value as revision 2026-07-28 wants it: what is no plain ASCII becomes =?base64?...?=. In `a`. */
struct str mcp_header_value(struct arena *a, struct str value);
