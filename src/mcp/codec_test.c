/* codec_test.c - messages, lists and results of MCP, one by one. */
#include <string.h>

#include "base/test.h"
#include "mcp/content.h"
#include "mcp/limits.h"
#include "mcp/listing.h"
#include "mcp/way.h"

static struct arena codec_arena;

static yyjson_val *codec_json(const char *text)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(json_parse(&codec_arena, str_copy(&codec_arena, str_of(text)), &v, &e));
	return v;
}

static void messages(void)
{
	struct rpc m;
	struct err e = {0};
	struct arena *a = &codec_arena;
	CHECK(rpc_read(a, S("{\"result\":{},\"jsonrpc\":\"2.0\",\"id\":7}"), &m, &e) && m.kind == RPC_RESULT);
	CHECK(rpc_answers(&m, 7) && !rpc_answers(&m, 8));
	CHECK(rpc_read(a, S("{\"jsonrpc\":\"2.0\",\"id\":\"7\",\"result\":{}}"), &m, &e) && rpc_answers(&m, 7));
	CHECK(rpc_read(
		  a, S("{\"jsonrpc\":\"2.0\",\"id\":\"server-error\",\"error\":{\"code\":-32600,\"message\":\"no\"}}"),
		  &m, &e) &&
	      m.kind == RPC_ERROR && m.code == -32600 && !rpc_answers(&m, 7));
	CHECK(rpc_read(a, S("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"roots/list\"}"), &m, &e) &&
	      m.kind == RPC_REQUEST);
	CHECK_STR(rpc_refusal(a, &m),
		  S("{\"jsonrpc\":\"2.0\",\"id\":0,\"error\":{\"code\":-32601,\"message\":\"Method not "
		    "found\"}}"));
	CHECK(rpc_read(a, S("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}"), &m, &e) && m.kind == RPC_NOTIFICATION);
	static const char *const wrong[] = {"",
					    "{oops",
					    "[]",
					    "7",
					    "{\"id\":1,\"result\":{}}",
					    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":7}",
					    "{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{}}",
					    "{\"jsonrpc\":\"2.0\",\"method\":7}",
					    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct err why = {0};
		CHECK(!rpc_read(a, str_of(wrong[i]), &m, &why) && why.msg[0]);
	}
}

static bool codec_has(const struct mcp_post *p, struct str line)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->headers[i], line))
			return true;
	return false;
}

static void requests(void)
{
	struct mcp_post p;
	struct mcp_request r = {
	    .id = 3, .method = S("tools/call"), .name = S("z\xc3\xbc"), .members = S("\"name\":\"x\"")};
	struct mcp_way way = {0};
	mcp_post(&codec_arena, &way, &r, &p);
	CHECK(codec_has(&p, S("MCP-Protocol-Version: 2026-07-28")) && codec_has(&p, S("Mcp-Method: tools/call")));
	CHECK(codec_has(&p, S("Mcp-Name: =?base64?esO8?=")));
	CHECK(codec_has(&p, S("Accept: application/json, text/event-stream")));
	yyjson_val *v = codec_json(p.body.p), *meta = json_get(json_get(v, S("params")), S("_meta"));
	CHECK_STR(json_str(json_get(meta, S("io.modelcontextprotocol/protocolVersion"))), S("2026-07-28"));
	CHECK(yyjson_is_obj(json_get(meta, S("io.modelcontextprotocol/clientCapabilities"))));
	way = (struct mcp_way){.era = MCP_LEGACY, .version = S("2025-06-18"), .session = S("s1")};
	mcp_post(&codec_arena, &way, &r, &p);
	CHECK(codec_has(&p, S("MCP-Protocol-Version: 2025-06-18")) && codec_has(&p, S("Mcp-Session-Id: s1")) &&
	      p.n == 4);
	CHECK_STR(p.body, S("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}"));
	CHECK_STR(mcp_header_value(&codec_arena, S("eu west")), S("eu west"));
	CHECK_STR(mcp_header_value(&codec_arena, S(" eu")), S("=?base64?IGV1?="));
	CHECK_STR(mcp_header_value(&codec_arena, S("a\r\nX: y")), S("=?base64?YQ0KWDogeQ==?="));
	CHECK_STR(mcp_header_value(&codec_arena, S("")), S("=?base64?"
							   "?="));
}

/* Never an older protocol after a refusal, and only where it could help. */
static void ladder(void)
{
	struct str version;
	struct rpc other = {.kind = RPC_ERROR, .code = -32022};
	static const int stops[] = {401, 403, 407, 429, 500, 502, 503, 302, 421},
			 falls[] = {400, 404, 405, 406, 415, 202};
	for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
		CHECK(mcp_after_modern(&(struct mcp_heard){stops[i], NULL}, &version) == MCP_STOP);
	for (size_t i = 0; i < sizeof falls / sizeof *falls; i++)
		CHECK(mcp_after_modern(&(struct mcp_heard){falls[i], NULL}, &version) == MCP_INITIALIZE);
	other.data = codec_json("{\"supported\":[\"2030-01-01\",\"2025-03-26\",\"2025-06-18\"]}");
	CHECK(mcp_after_modern(&(struct mcp_heard){400, &other}, &version) == MCP_INITIALIZE);
	CHECK_STR(version, S("2025-06-18"));
	other.data = codec_json("{\"supported\":[\"2030-01-01\"]}");
	CHECK(mcp_after_modern(&(struct mcp_heard){400, &other}, &version) == MCP_STOP);
	CHECK(mcp_after_initialize(&(struct mcp_heard){404, NULL}, &version) == MCP_STREAM);
	CHECK(mcp_after_initialize(&(struct mcp_heard){401, NULL}, &version) == MCP_STOP);
	CHECK(mcp_after_initialize(&(struct mcp_heard){400, &other}, &version) == MCP_STOP);
	struct rpc yes = {.kind = RPC_RESULT, .result = codec_json("{\"protocolVersion\":\"2025-03-26\"}")};
	CHECK(mcp_after_initialize(&(struct mcp_heard){200, &yes}, &version) == MCP_USE);
	yes.result = codec_json("{\"protocolVersion\":\"1999-01-01\"}");
	CHECK(mcp_after_initialize(&(struct mcp_heard){200, &yes}, &version) == MCP_STOP);
	struct mcp_way legacy = {.era = MCP_LEGACY, .session = S("x")}, none = {.era = MCP_LEGACY};
	CHECK(mcp_session_lost(&legacy, &(struct mcp_heard){400, NULL}) == MCP_PERHAPS);
	CHECK(mcp_session_lost(&legacy, &(struct mcp_heard){500, NULL}) == MCP_KEPT);
	CHECK(mcp_session_lost(&none, &(struct mcp_heard){404, NULL}) == MCP_KEPT);
}

static void lists(void)
{
	struct mcp_list list = {0};
	struct err e = {0};
	CHECK(
	    mcp_list_add(&codec_arena,
			 codec_json("{\"tools\":[{\"name\":\"a\",\"inputSchema\":{},\"description\":\"d\"},"
				    "{\"name\":\"a\",\"inputSchema\":{}},{\"inputSchema\":{}},{\"name\":\"b\"},7,"
				    "{\"name\":\"t\",\"inputSchema\":{},\"execution\":{\"taskSupport\":\"required\"}},"
				    "{\"name\":\"h\",\"inputSchema\":{\"properties\":{\"r\":{\"type\":\"number\","
				    "\"x-mcp-header\":\"R\"}}}},"
				    "{\"name\":\"c\",\"inputSchema\":{},\"annotations\":{\"readOnlyHint\":true}}],"
				    "\"nextCursor\":\"2\"}"),
			 &list, &e));
	CHECK(list.n == 2 && list.left_out == 6 && list.tools[1].read_only && !list.tools[0].read_only);
	CHECK_STR(list.cursor, S("2"));
	CHECK(!mcp_list_add(&codec_arena, codec_json("{\"tools\":{}}"), &list, &e));
	mcp_limits.tools = 2;
	e = (struct err){0};
	CHECK(!mcp_list_add(&codec_arena, codec_json("{\"tools\":[{\"name\":\"d\",\"inputSchema\":{}}]}"), &list, &e));
	mcp_limits.tools = 128;
	struct str headers[4];
	yyjson_val *schema =
	    codec_json("{\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},\"o\":{\"properties\":"
		       "{\"n\":{\"type\":\"integer\",\"x-mcp-header\":\"N\"}}},\"q\":{\"type\":\"string\"}}}");
	CHECK(mcp_param_headers(&codec_arena, schema, codec_json("{\"r\":\"eu\",\"q\":\"x\",\"o\":{\"n\":7}}"), headers,
				4) == 2);
	CHECK_STR(headers[0], S("Mcp-Param-Region: eu"));
	CHECK_STR(headers[1], S("Mcp-Param-N: 7"));
	CHECK(mcp_param_headers(&codec_arena, schema, codec_json("{\"r\":null}"), headers, 4) == 0);
}

static void definitions(void)
{
	uint8_t a[32], b[32];
	CHECK_STR(mcp_canonical(&codec_arena, codec_json("{\"b\":[{\"d\":1,\"c\":2}],\"a\":null}")),
		  S("{\"a\":null,\"b\":[{\"c\":2,\"d\":1}]}"));
	mcp_definition(S("n"), S("d"), codec_json("{\"type\":\"object\",\"x\":1}"), false, a);
	mcp_definition(S("n"), S("d"), codec_json("{\"x\":1,\"type\":\"object\"}"), false, b);
	CHECK(!memcmp(a, b, 32));
	mcp_definition(S("nd"), S(""), codec_json("{\"x\":1,\"type\":\"object\"}"), false, b);
	CHECK(memcmp(a, b, 32));
	mcp_definition(S("n"), S("d"), codec_json("{\"x\":1,\"type\":\"object\"}"), true, b);
	CHECK(memcmp(a, b, 32));
}

static void results(void)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
	    {"{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}", "a\nb"},
	    {"{\"content\":[],\"structuredContent\":{\"n\":1}}", "{\"n\":1}"},
	    {"{\"content\":[{\"type\":\"text\",\"text\":\"1\"}],\"structuredContent\":{\"n\":1}}", "1"},
	    {"{\"content\":[{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"AAAAAAAA\"}]}",
	     "[image: image/png, 6 bytes]"},
	    {"{\"content\":[{\"type\":\"audio\",\"data\":\"AAAA\"}]}", "[audio: of an unknown type, 3 bytes]"},
	    {"{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"u:1\",\"text\":\"T\"}}]}", "T"},
	    {"{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"u:1\",\"mimeType\":\"x/"
	     "y\",\"blob\":\"AAAA\"}}]}",
	     "[resource u:1: x/y, 3 bytes]"},
	    {"{\"content\":[{\"type\":\"resource_link\",\"uri\":\"u:1\",\"name\":\"N\"}]}", "[link to N: u:1]"},
	    {"{\"content\":[{\"type\":\"hologram\"}]}", "[a part of type 'hologram']"},
	    {"{\"content\":[],\"resultType\":\"complete\"}", ""},
	};
	struct mcp_result r;
	struct err e = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(mcp_result_read(&codec_arena, codec_json(rows[i].json), &r, &e));
		CHECK_STR(r.text, str_of(rows[i].text));
	}
	CHECK(!mcp_result_read(&codec_arena, codec_json("{\"resultType\":\"input_required\"}"), &r, &e));
	CHECK(!mcp_result_read(&codec_arena, codec_json("{\"resultType\":\"new\",\"content\":[]}"), &r, &e));
	CHECK(!mcp_result_read(&codec_arena, codec_json("{}"), &r, &e));
	mcp_limits.output_bytes = 3;
	CHECK(mcp_result_read(
		  &codec_arena,
		  codec_json("{\"content\":[{\"type\":\"text\",\"text\":\"ab\xc3\xbc\"}],\"isError\":true}"), &r, &e) &&
	      r.failed);
	CHECK_STR(r.text, S("ab\n[more was cut off]"));
	mcp_limits.output_bytes = 1 << 20;
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"messages", messages}, {"requests", requests},       {"the ladder", ladder},
	    {"lists", lists},       {"definitions", definitions}, {"results", results},
	};
	int bad = test_main(cases, sizeof cases / sizeof *cases);
	arena_free(&codec_arena);
	return bad;
}
