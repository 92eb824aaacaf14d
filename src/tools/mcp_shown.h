/* mcp_shown.h - the MCP servers that people are shown: those that settings name, and others that requests have named.
 */
#pragma once
#include "mcp/seen.h"

struct tools;
struct mcp_shown {
	struct str label;          /* {0}: no setting names it */
	struct seen_server server; /* of one that was not asked yet the url alone */
};
/* The project's; in `a`. Any thread. */
size_t tools_mcp_shown(struct tools *t, int64_t project, struct arena *a, struct mcp_shown **ret);
