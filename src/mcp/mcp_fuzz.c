/* mcp_fuzz.c - any JSON as the answers of a server: a list of tools, a result, a step of the ladder. */
#include <assert.h>

#include "mcp/content.h"
#include "mcp/listing.h"
#include "mcp/way.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_list(struct arena *a, yyjson_val *result)
{
	struct mcp_list list = {0};
	struct err e = {0};
	struct str headers[8];
	uint8_t hash[32];
	if (!mcp_list_add(a, result, &list, &e))
		return;
	for (size_t i = 0; i < list.n; i++) {
		assert(list.tools[i].name.n && list.tools[i].schema);
		assert(mcp_param_headers(a, list.tools[i].schema, result, headers, 8) <= 8);
		mcp_definition(list.tools[i].name, list.tools[i].description, list.tools[i].schema,
			       list.tools[i].read_only, hash);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct rpc m;
	struct err e = {0}, why = {0};
	struct str version;
	struct mcp_result result;
	if (size && rpc_read(&a, (struct str){(const char *)data + 1, size - 1}, &m, &e)) {
		struct mcp_heard h = {200 + data[0], &m};
		struct mcp_way way = {.era = MCP_LEGACY, .session = S("x")};
		mcp_after_modern(&h, &version);
		mcp_after_initialize(&h, &version);
		mcp_session_lost(&way, &h);
		if (m.kind == RPC_RESULT) {
			fuzz_list(&a, m.result);
			mcp_result_read(&a, m.result, &result, &why);
		}
	}
	arena_free(&a);
	return 0;
}
