/* mcp_server.h - where an MCP server stands, by an element of `tools`. Inside tools/ alone. */
#pragma once
#include "mcp/client.h"
#include "wire/jout.h"

/* Can it be asked, as things are configured? ERR_INVALID_VALUE and the like, with the place below `path`. */
bool mcp_server_fits(yyjson_val *given, const char *path, struct err *e);
/* The server of an element that fits; strings in `a`. */
bool mcp_server_of(yyjson_val *given, int64_t project, struct arena *a, struct mcp_server *ret, struct err *e);
/* Its address with scheme and host in small letters; of a connector or a named server, that. In `a`. */
struct str mcp_server_address(struct arena *a, yyjson_val *given);
void mcp_server_echo(struct jout *o, yyjson_val *given, yyjson_val *settled);
