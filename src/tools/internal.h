/* internal.h - what the files of tools/ share. */
#pragma once
#include "mcp/client.h"
#include "tools/tool.h"

struct web_cache;

struct tools {
	struct tools_options options;
	struct mcp_known *mcp;   /* what is remembered of MCP servers */
	struct web_cache *cache; /* NULL: nothing is kept */
};

struct tools_port {
	struct tools *tools;
	struct loop *loop;
	struct workers *pools[POOLS]; /* NULL until the first job */
	struct toolrun *runs;         /* a list of those that were started here and have not ended */
};
