/* mcp_options.h - what the operator says about MCP servers. Set before tools_new(), constant after. */
#pragma once
#include "net/guard.h"

/* Lists of "name=value" as they are set. */
struct mcp_options {
	struct guard guard;                              /* addresses that clients' servers may have beside public ones */
	const struct str *allow;                         /* origins, and those addresses once more */
	const struct str *servers, *headers, *connectors; /* label=URL, label=FILE, connector_...=URL */
	size_t n_allow, n_servers, n_headers, n_connectors;
	bool skip; /* a server whose tools cannot be listed is left out; else the request fails */
};
extern struct mcp_options mcp_options;
