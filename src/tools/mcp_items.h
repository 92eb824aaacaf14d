/* mcp_items.h - the items of the tool `mcp`, and the rules for its functions. Inside tools/ alone. */
#pragma once
#include "mcp/listing.h"
#include "model/hosted_server.h"

void mcp_list_members(struct buf *b, yyjson_val *given, const struct mcp_list *list, struct str error);
bool mcp_offers(struct arena *a, yyjson_val *given, const struct item *list, struct hosted_function **ret, size_t *n);
bool mcp_asks(yyjson_val *given, yyjson_val *definition);
void mcp_defined(yyjson_val *definition, uint8_t ret[32]);
bool mcp_repeats(yyjson_val *definition);
/* The rules of require_approval and allowed_tools say something that can be kept. */
bool mcp_rules_fit(yyjson_val *given, const char *path, struct err *e);
void mcp_made(struct jout *o, const struct hosted_made *m);
