/* listing.h - the tools of a server, as its answers to tools/list say. Pure; any thread. */
#pragma once
#include "wire/json.h"

/* One tool. Strings and values lie in the arena of the list. */
struct mcp_tool {
	struct str name, description; /* description {0}: none */
	yyjson_val *schema;           /* of its arguments, as it came */
	bool read_only, idempotent;   /* the server's own word, no more */
};
struct mcp_list {
	struct mcp_tool *tools;
	size_t n, cap;
	size_t left_out;   /* too large, no name, or what we cannot keep to */
	struct str cursor; /* of the next page; {0}: it was the last */
};
/* One page joins *list. false: it is no list of tools, or there are too many. */
bool mcp_list_add(struct arena *a, yyjson_val *result, struct mcp_list *list, struct err *e);

/* Which arguments go into a header, too, under revision 2026-07-28: "Mcp-Param-Region: eu". At most `most`, in `a`. */
size_t mcp_param_headers(struct arena *a, yyjson_val *schema, yyjson_val *arguments, struct str *ret, size_t most);
/* SHA-256 over what a tool is said to be: name, description, schema, read_only. The order of members does not count. */
void mcp_definition(struct str name, struct str description, yyjson_val *schema, bool read_only, uint8_t ret[32]);
/* A value as JSON with the members of its objects by name, so that equal values are equal bytes. In `a`. */
struct str mcp_canonical(struct arena *a, yyjson_val *v);
