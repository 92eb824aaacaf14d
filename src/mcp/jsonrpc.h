/* jsonrpc.h - one message of JSON-RPC 2.0 (jsonrpc.org/specification), read and written.
 *
 * What peers really send is taken: errors with a foreign id or none, members in any order, unknown members beside.
 * Batches are no message. Pure; any thread. */
#pragma once
#include "wire/json.h"

enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESULT, RPC_ERROR };
enum { RPC_NO_METHOD = -32601, RPC_BAD_PARAMS = -32602 };

struct rpc {
	enum rpc_kind kind;
	yyjson_val *id;              /* NULL: none, or null */
	struct str method;           /* requests and notifications */
	yyjson_val *params, *result; /* NULL: none */
	int64_t code;                /* errors */
	struct str message;
	yyjson_val *data;
};
/* `text` is copied into `a`. false: not JSON, or no message; *e says which. */
bool rpc_read(struct arena *a, struct str text, struct rpc *ret, struct err *e);
/* Is it the answer to our request `id`? A string of the same digits counts as well. */
bool rpc_answers(const struct rpc *m, int64_t id);
/* A request, or with `id` 0 a notification; `params` is an object as JSON, {0}: none. In `a`. */
struct str rpc_request(struct arena *a, int64_t id, struct str method, struct str params);
/* The answer to a request of the peer that nothing here serves. In `a`. */
struct str rpc_refusal(struct arena *a, const struct rpc *request);
