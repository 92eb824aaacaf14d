/* item_test.c - items: what is refused with which words, and how they are listed. */
#include <string.h>

#include "base/test.h"
#include "model/item.h"

static struct str refusal(struct arena *a, const char *json, struct err *e)
{
	struct item it;
	yyjson_val *v = NULL;
	memset(e, 0, sizeof *e);
	if (!json_parse(a, str_of(json), &v, e))
		return S("bad JSON in the test");
	return item_read(a, v, "input[0]", &it, e) ? S("accepted") : str_of(e->msg);
}

static const struct {
	const char *json;
	enum err_code code;
	const char *param, *msg;
} refusals[] = {
	{"\"x\"", ERR_INVALID_TYPE, "input[0]",
	 "Invalid type for 'input[0]': expected an input item, but got a string instead."},
	{"{}", ERR_INVALID_VALUE, "input[0]",
	 "Invalid value: ''. Supported values are: 'assistant', 'system', 'developer', and 'user'."},
	{"{\"role\":\"tool\",\"content\":\"x\"}", ERR_INVALID_VALUE, "input[0]",
	 "Invalid value: 'tool'. Supported values are: 'assistant', 'system', 'developer', and 'user'."},
	{"{\"role\":\"user\"}", ERR_MISSING_PARAMETER, "input[0].content",
	 "Missing required parameter: 'input[0].content'."},
	{"{\"role\":\"user\",\"content\":null}", ERR_INVALID_TYPE, "input[0].content",
	 "Invalid type for 'input[0].content': expected one of an array of objects or string, but got null instead."},
	{"{\"role\":\"user\",\"content\":\"x\",\"bogus\":1}", ERR_UNKNOWN_PARAMETER, "input[0].bogus",
	 "Unknown parameter: 'input[0].bogus'."},
	{"{\"role\":\"user\",\"content\":\"x\",\"phase\":\"commentary\"}", ERR_UNKNOWN_PARAMETER, "input[0].phase",
	 "Unknown parameter: 'input[0].phase'."},
	{"{\"role\":\"assistant\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\"}]}", ERR_INVALID_VALUE,
	 "input[0].content[0]", "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'."},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"output_text\",\"text\":\"x\"}]}", ERR_INVALID_VALUE,
	 "input[0].content[0]",
	 "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_image', 'input_file', and "
	 "'input_audio'."},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":[]}]}", ERR_INVALID_TYPE,
	 "input[0].content[0].text",
	 "Invalid type for 'input[0].content[0].text': expected a string, but got an array instead."},
	{"{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}", ERR_MISSING_PARAMETER, "input[0].content[0].type",
	 "Missing required parameter: 'input[0].content[0].type'."},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}", ERR_MUTUALLY_EXCLUSIVE,
	 "input[0].content[0]",
	 "Missing mutually exclusive parameters: 'input[0].content[0]'. Ensure you are providing exactly one of: "
	 "'file_id' or 'image_url'."},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"/etc/passwd\"}]}",
	 ERR_INVALID_VALUE, "input[0].content[0].image_url",
	 "Invalid 'input[0].content[0].image_url'. Expected a valid URL, but got a value with an invalid format."},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:text/markdown;base64,eA==\"}]}",
	 ERR_INVALID_VALUE, "input[0].content[0].image_url",
	 "Invalid 'input[0].content[0].image_url'. Expected a base64-encoded data URL with an image MIME type (e.g. "
	 "'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got unsupported MIME type 'text/markdown'."},
	{"{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"\",\"format\":\"ogg\"}}]}",
	 ERR_INVALID_VALUE, "input[0].content[0].input_audio.format",
	 "Invalid value: 'ogg'. Supported values are: 'mp3' and 'wav'."},
	{"{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":{}}", ERR_INVALID_TYPE,
	 "input[0].arguments", "Invalid type for 'input[0].arguments': expected a string, but got an object instead."},
	{"{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"a b\",\"arguments\":\"\"}", ERR_INVALID_VALUE,
	 "input[0].name",
	 "Invalid 'input[0].name': string does not match pattern. Expected a string that matches the pattern "
	 "'^[a-zA-Z0-9_-]+$'."},
	{"{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"\"}", ERR_MISSING_PARAMETER, "input[0].call_id",
	 "Missing required parameter: 'input[0].call_id'."},
	{"{\"type\":\"shell_call\",\"call_id\":\"c\",\"action\":{\"commands\":[]},\"caller\":{\"type\":\"program\"}}",
	 ERR_MISSING_PARAMETER, "input[0].caller.caller_id", "Missing required parameter: 'input[0].caller.caller_id'."},
	{"{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":{}}", ERR_INVALID_TYPE, "input[0].output",
	 "Invalid type for 'input[0].output': expected one of a string or array of objects, but got an object instead."},
	{"{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{\"type\":\"output_text\",\"text\":\"\"}]}",
	 ERR_INVALID_VALUE, "input[0].output[0]",
	 "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_image', and 'input_file'."},
	{"{\"type\":\"reasoning\",\"summary\":[{\"type\":\"text\",\"text\":\"\"}]}", ERR_INVALID_VALUE,
	 "input[0].summary[0]", "Invalid value: 'text'. Supported values are: 'summary_text'."},
	{"{\"type\":\"item_reference\"}", ERR_MISSING_PARAMETER, "input[0].id",
	 "Missing required parameter: 'input[0].id'."},
	{"{\"type\":7}", ERR_INVALID_TYPE, "input[0].type",
	 "Invalid type for 'input[0].type': expected a string, but got an integer instead."},
	{"{\"type\":\"mcp_call\",\"server_label\":\"s\",\"name\":\"n\",\"arguments\":\"{}\"}", ERR_UNSUPPORTED_VALUE,
	 "input[0]",
	 "Unsupported value: 'mcp_call'. This version does not serve items of this type yet; a later one brings them."},
	{"{\"type\":\"mcp_call\",\"server_label\":\"s\",\"name\":\"n\"}", ERR_MISSING_PARAMETER, "input[0].arguments",
	 "Missing required parameter: 'input[0].arguments'."},
	{"{\"type\":\"local_shell_call\",\"call_id\":\"c\",\"action\":{\"type\":\"exec\",\"command\":[1],\"env\":{}}}",
	 ERR_INVALID_TYPE, "input[0].action.command[0]",
	 "Invalid type for 'input[0].action.command[0]': expected a string, but got an integer instead."},
};

static void refused(void)
{
	struct arena a = {0};
	struct err e;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		CHECK_STR(refusal(&a, refusals[i].json, &e), str_of(refusals[i].msg));
		CHECK_STR(str_of(e.param), str_of(refusals[i].param));
		CHECK(e.code == refusals[i].code);
	}
	arena_free(&a);
}

static void listed(void)
{
	static const struct {
		const char *json, *id, *want;
	} rows[] = {
		{"{\"role\":\"user\",\"content\":\"x\\u0000\\\"\"}", "msg_1",
		 "{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"content\":[{\"type\":\"input_text\","
		 "\"text\":\"x\\u0000\\\"\"}],\"role\":\"user\"}"},
		{"{\"content\":\"x\",\"role\":\"assistant\",\"phase\":\"commentary\"}", "msg_1",
		 "{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\","
		 "\"annotations\":[],\"logprobs\":[],\"text\":\"x\"}],\"phase\":\"commentary\",\"role\":\"assistant\"}"},
		{"{\"content\":[{\"text\":\"x\",\"type\":\"output_text\",\"annotations\":[]}],\"role\":\"assistant\","
		 "\"phase\":null,\"status\":\"incomplete\"}",
		 "m",
		 "{\"id\":\"m\",\"type\":\"message\",\"status\":\"incomplete\",\"content\":[{\"type\":\"output_text\","
		 "\"logprobs\":[],\"text\":\"x\",\"annotations\":[]}],\"role\":\"assistant\"}"},
		{"{\"role\":\"user\",\"content\":[{\"image_url\":\"https://x/y\",\"type\":\"input_image\"}],"
		 "\"internal_chat_message_metadata_passthrough\":{\"z\":1,\"a\":2}}",
		 "m",
		 "{\"id\":\"m\",\"type\":\"message\",\"status\":\"completed\",\"content\":[{\"type\":\"input_image\","
		 "\"detail\":\"auto\",\"image_url\":\"https://x/y\"}],"
		 "\"internal_chat_message_metadata_passthrough\":{\"z\":1,\"a\":2},\"role\":\"user\"}"},
		{"{\"type\":\"function_call_output\",\"output\":\"4\",\"call_id\":\"c\"}", "fc_1",
		 "{\"id\":\"fc_1\",\"type\":\"function_call_output\",\"status\":\"completed\",\"call_id\":\"c\","
		 "\"output\":\"4\"}"},
		{"{\"type\":\"function_call\",\"name\":\"f\",\"id\":\"theirs\",\"call_id\":\"c\",\"arguments\":\"{}\"}", "fc_1",
		 "{\"id\":\"fc_1\",\"type\":\"function_call\",\"status\":\"completed\",\"arguments\":\"{}\",\"call_id\":\"c\","
		 "\"name\":\"f\"}"},
		{"{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"e\"}", "rs_1",
		 "{\"id\":\"rs_1\",\"type\":\"reasoning\",\"encrypted_content\":\"e\",\"summary\":[]}"},
		/* What every listed item of these types has. */
		{"{\"type\":\"shell_call\",\"call_id\":\"c\",\"action\":{\"commands\":[\"ls\"],\"timeout_ms\":5}}", "sh_1",
		 "{\"id\":\"sh_1\",\"type\":\"shell_call\",\"status\":\"completed\",\"action\":{\"commands\":[\"ls\"],"
		 "\"timeout_ms\":5,\"max_output_length\":null},\"call_id\":\"c\"}"},
		{"{\"type\":\"shell_call_output\",\"output\":[],\"call_id\":\"c\"}", "sho_1",
		 "{\"id\":\"sho_1\",\"type\":\"shell_call_output\",\"status\":\"completed\",\"call_id\":\"c\","
		 "\"max_output_length\":null,\"output\":[]}"},
		{"{\"type\":\"function_call_output\",\"output\":\"4\",\"call_id\":\"c\",\"namespace\":null}", "fc_1",
		 "{\"id\":\"fc_1\",\"type\":\"function_call_output\",\"status\":\"completed\",\"call_id\":\"c\","
		 "\"output\":\"4\"}"},
		{"{\"role\":\"user\",\"content\":[],\"phase\":null}", "msg_1",
		 "{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\",\"content\":[],\"role\":\"user\"}"},
		{"{\"type\":\"tool_search_call\",\"arguments\":{}}", "tsc_1",
		 "{\"id\":\"tsc_1\",\"type\":\"tool_search_call\",\"status\":\"completed\",\"arguments\":{},\"call_id\":null,"
		 "\"execution\":\"client\"}"},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct item it, again;
		yyjson_val *v = NULL;
		CHECK(json_parse(&a, str_of(rows[i].json), &v, &e));
		CHECK(item_read(&a, v, "input[0]", &it, &e));
		struct str json = item_listed(&a, &it, str_of(rows[i].id));
		CHECK_STR(json, str_of(rows[i].want));
		/* What is listed may be sent back, and lists the same. */
		CHECK(item_view(&a, json, &again));
		CHECK(item_read(&a, again.val, "input[0]", &it, &e));
		CHECK_STR(item_listed(&a, &it, it.id), json);
	}
	arena_free(&a);
}

static void views(void)
{
	struct arena a = {0};
	struct item it;
	CHECK(item_view(&a, S("{\"id\":\"fc_1\",\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\"}"), &it));
	CHECK(it.type == ITEM_FUNCTION_CALL);
	CHECK_STR(it.call_id, S("c"));
	CHECK_STR(it.name, S("f"));
	CHECK(item_view(&a, S("{\"id\":\"msg_1\"}"), &it) && it.type == ITEM_REFERENCE);
	CHECK(!item_view(&a, S("[]"), &it));
	CHECK(!item_view(&a, S("{"), &it));
	arena_free(&a);
}

/* The rows name each type once, each prefix, too, but that of a function's call and output, and what stands in input has a table. */
static void rows(void)
{
	for (enum item_type t = ITEM_NONE + 1; t < ITEM_COUNT; t++) {
		CHECK(item_rows[t].fields != NULL && item_rows[t].prefix[0]);
		for (enum item_type other = ITEM_NONE + 1; other < t; other++)
			CHECK(strcmp(item_rows[t].wire, item_rows[other].wire) &&
			      (strcmp(item_rows[t].prefix, item_rows[other].prefix) || t == ITEM_FUNCTION_CALL_OUTPUT));
	}
}

int main(void)
{
	static const struct test_case tests[] = {
		{"refusals", refused},
		{"listed form", listed},
		{"views", views},
		{"the table of types", rows},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
