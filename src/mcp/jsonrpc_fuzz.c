/* jsonrpc_fuzz.c - any bytes as a message; what it asks of us is refused with a message that can be read. */
#include <assert.h>

#include "mcp/jsonrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct rpc m, back;
	struct err e = {0};
	if (rpc_read(&a, (struct str){(const char *)data, size}, &m, &e)) {
		rpc_answers(&m, 7);
		if (m.kind == RPC_REQUEST)
			assert(rpc_read(&a, rpc_refusal(&a, &m), &back, &e) && back.kind == RPC_ERROR);
	} else {
		assert(e.msg[0]);
	}
	arena_free(&a);
	return 0;
}
