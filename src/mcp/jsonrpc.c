/* jsonrpc.c - one message of JSON-RPC 2.0, read and written. */
#include "mcp/jsonrpc.h"

#include <math.h>

static int64_t rpc_int(yyjson_val *v)
{
	if (yyjson_is_int(v))
		return yyjson_get_sint(v);
	double d = yyjson_get_num(v);
	return d > -1e15 && d < 1e15 ? (int64_t)d : 0;
}

static bool rpc_error(yyjson_val *error, struct rpc *ret)
{
	ret->kind = RPC_ERROR;
	ret->code = rpc_int(json_get(error, S("code")));
	ret->message = json_str(json_get(error, S("message")));
	ret->data = json_get(error, S("data"));
	return true;
}

static bool rpc_is(yyjson_val *v, struct rpc *ret)
{
	yyjson_val *method = json_get(v, S("method")), *error = json_get(v, S("error")), *id = json_get(v, S("id"));
	*ret = (struct rpc){.id = yyjson_is_null(id) ? NULL : id};
	if (ret->id && !yyjson_is_num(id) && !yyjson_is_str(id))
		return false;
	if (method) {
		ret->kind = id ? RPC_REQUEST : RPC_NOTIFICATION;
		ret->method = json_str(method);
		ret->params = json_get(v, S("params"));
		return yyjson_is_str(method);
	}
	if (yyjson_is_obj(error))
		return rpc_error(error, ret);
	ret->kind = RPC_RESULT;
	ret->result = json_get(v, S("result"));
	return yyjson_is_obj(ret->result);
}

bool rpc_read(struct arena *a, struct str text, struct rpc *ret, struct err *e)
{
	struct err why = {0};
	yyjson_val *v = NULL;
	if (!json_parse(a, str_copy(a, text), &v, &why))
		return fail(e, ERR_BAD_JSON, NULL, "it is not JSON");
	if (!yyjson_is_obj(v) || !str_eq(json_str(json_get(v, S("jsonrpc"))), S("2.0")) || !rpc_is(v, ret))
		return fail(e, ERR_BAD_JSON, NULL, "it is JSON, but no message of JSON-RPC");
	return true;
}

bool rpc_answers(const struct rpc *m, int64_t id)
{
	int64_t got;
	if ((m->kind != RPC_RESULT && m->kind != RPC_ERROR) || !m->id)
		return false;
	if (yyjson_is_str(m->id))
		return str_int(json_str(m->id), &got) && got == id;
	return yyjson_is_num(m->id) && fabs(yyjson_get_num(m->id) - (double)id) < 0.5;
}

static struct str rpc_taken(struct arena *a, struct buf *b)
{
	struct str s = str_copy(a, buf_str(b));
	buf_release(b);
	return s;
}

struct str rpc_request(struct arena *a, int64_t id, struct str method, struct str params)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "jsonrpc", S("2.0"));
	if (id)
		jo_kint(&o, "id", id);
	jo_kstr(&o, "method", method);
	if (params.n)
		jo_kraw(&o, "params", params);
	jo_obj_end(&o);
	return rpc_taken(a, &b);
}

struct str rpc_refusal(struct arena *a, const struct rpc *request)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "jsonrpc", S("2.0"));
	jo_key(&o, S("id"));
	if (request->id)
		jo_val(&o, request->id);
	else
		jo_null(&o);
	jo_key(&o, S("error"));
	jo_obj(&o);
	jo_kint(&o, "code", RPC_NO_METHOD);
	jo_kstr(&o, "message", S("Method not found"));
	jo_obj_end(&o);
	jo_obj_end(&o);
	return rpc_taken(a, &b);
}
