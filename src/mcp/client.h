/* client.h - what is asked of an MCP server: its tools, and calls of them.
 *
 * Blocks: worker threads alone. Which revision a server speaks is found out with the first request and remembered for
 * mcp_limits.known_ms, with its session, per project, URL and credentials; a session that is gone is made anew, one
 * that is forgotten is ended. Requests that a server makes of us are refused at once. Nothing but the URL's origin is
 * ever asked, and past its guard. */
#pragma once
#include <stdatomic.h>

#include "mcp/content.h"
#include "mcp/listing.h"
#include "net/guard.h"

struct mcp_known; /* what is remembered of servers; one per process */

struct mcp_server {
	struct str url;
	const struct str *headers; /* "Name: value", of the client or the operator */
	size_t n_headers;
	const struct guard *guard; /* NULL: the operator has named it */
	int64_t project;
};
struct mcp_ask {
	struct mcp_known *known;
	const struct mcp_server *server;
	struct str trace; /* header lines, each with its line break (trace/trace.h), for every request; {0}: none */
	const _Atomic bool *cancelled;
	int64_t due_ms; /* clock_mono_us() / 1000 */
};

enum mcp_fault_kind { MCP_FAULT_NONE, MCP_FAULT_HTTP, MCP_FAULT_PROTOCOL };
struct mcp_fault {
	enum mcp_fault_kind kind;
	int64_t code;  /* HTTP: a status, 424 where none came; PROTOCOL: of JSON-RPC */
	char why[512]; /* for people; what it is that did not work, not what stands behind a refused address */
};

struct mcp_call {
	struct str name;
	yyjson_val *arguments, *schema; /* schema NULL: not known */
	bool repeatable;
};
/* All pages. */
bool mcp_list_tools(const struct mcp_ask *ask, struct arena *a, struct mcp_list *ret, struct mcp_fault *f);
/* A tool that fails by its own word is a result (ret->failed). */
bool mcp_call_tool(const struct mcp_ask *ask, const struct mcp_call *call, struct arena *a, struct mcp_result *ret,
		   struct mcp_fault *f);
