/* mcp_tool.h - what the files of the tool `mcp` share. Inside tools/ alone. */
#pragma once
#include "mcp/client.h"
#include "model/hosted_server.h"
#include "tools/mcp_options.h"
#include "tools/tools.h"

/* --- mcp_server.c: where a server stands, by an element of `tools` --- */
/* Can it be asked, as things are configured? ERR_INVALID_VALUE and the like, with the place below `path`. */
bool mcp_server_fits(yyjson_val *given, const char *path, struct err *e);
/* The server of an element that fits; strings in `a`. */
bool mcp_server_of(yyjson_val *given, int64_t project, struct arena *a, struct mcp_server *ret, struct err *e);
/* Its address with scheme and host in small letters; of a connector or a named server, that. In `a`. */
struct str mcp_server_address(struct arena *a, yyjson_val *given);
void mcp_server_echo(struct jout *o, yyjson_val *given, yyjson_val *settled);

/* --- mcp_items.c: its items, and the rules for its functions --- */
void mcp_list_members(struct buf *b, yyjson_val *given, const struct mcp_list *list, struct str error);
bool mcp_offers(struct arena *a, yyjson_val *given, const struct item *list, struct hosted_function **ret, size_t *n);
bool mcp_asks(yyjson_val *given, yyjson_val *definition);
void mcp_defined(yyjson_val *definition, uint8_t ret[32]);
bool mcp_repeats(yyjson_val *definition);
/* The rules of require_approval and allowed_tools say something that can be kept. */
bool mcp_rules_fit(yyjson_val *given, const char *path, struct err *e);
void mcp_made(struct jout *o, const struct hosted_made *m);
