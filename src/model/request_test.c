/* request_test.c - requests: what is refused with which words, and what is made of the rest. */
#include <string.h>

#include "base/test.h"
#include "model/request_calls.h"
#include "model/request.h"

/* Reads {"model":"m","input":"x",<members>}; a body that starts with '{' is taken as it is. */
static bool read_body(struct arena *a, const char *members, const struct request_rules *rules, struct create *c,
                      struct err *e)
{
	struct str body = *members == '{' || *members == '['
				  ? str_of(members)
				  : str_fmt(a, "{\"model\":\"m\",\"input\":\"x\"%s%s}", *members ? "," : "", members);
	yyjson_val *v = NULL;
	memset(e, 0, sizeof *e);
	return json_parse(a, body, &v, e) && create_read(a, v, rules, c, e);
}

struct refusal {
	const char *body;
	enum err_code code;
	const char *param, *msg;
};

static void check_refusals(const struct refusal *rows, size_t n)
{
	struct arena a = {0};
	for (size_t i = 0; i < n; i++) {
		struct create c;
		struct err e;
		CHECK(!read_body(&a, rows[i].body, NULL, &c, &e));
		CHECK_STR(str_of(e.msg), str_of(rows[i].msg));
		CHECK_STR(str_of(e.param), str_of(rows[i].param));
		CHECK(e.code == rows[i].code);
	}
	arena_free(&a);
}

#define LATER_TEXT(what) "This version does not serve " what " yet; a later one brings them."

static void body_as_a_whole(void)
{
	static const struct refusal rows[] = {
		{"[]", ERR_INVALID_TYPE, "", "Invalid body: expected an object, but got an array instead."},
		{"{\"input\":\"x\",\"bogus\":1}", ERR_MISSING_PARAMETER, "model", "Missing required parameter: 'model'."},
		{"{\"model\":null,\"input\":\"x\"}", ERR_MISSING_PARAMETER, "model", "Missing required parameter: 'model'."},
		{"{\"model\":\"m\",\"bogus\":1}", ERR_MISSING_PARAMETER, "",
		 "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."},
		{"{\"model\":\"m\",\"input\":[]}", ERR_MISSING_PARAMETER, "",
		 "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."},
		{"{\"model\":7,\"input\":\"x\"}", ERR_INVALID_TYPE, "model",
		 "Invalid type for 'model': expected a string, but got an integer instead."},
		{"{\"model\":\"m\",\"input\":7}", ERR_INVALID_TYPE, "input",
		 "Invalid type for 'input': expected one of an array of objects or string, but got an integer instead."},
		{"{\"model\":\"m\",\"input\":[\"x\"]}", ERR_INVALID_TYPE, "input[0]",
		 "Invalid type for 'input[0]': expected an input item, but got a string instead."},
		{"{\"model\":\"m\",\"messages\":[]}", ERR_UNSUPPORTED_PARAMETER, "messages",
		 "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'. Try again with "
		 "the new parameter. See the API documentation for more information: "
		 "https://platform.openai.com/docs/api-reference/responses/create."},
		/* unknown keys come before fields, fields in their own order */
		{"\"temperature\":9,\"stor\":true", ERR_UNKNOWN_PARAMETER, "stor",
		 "Unknown parameter: 'stor'. Did you mean 'store'?"},
		{"\"max_output_tokens\":1,\"temperature\":9", ERR_NUM_ABOVE_MAX, "temperature",
		 "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 9 instead."},
		{"{\"model\":\"m\",\"input\":7,\"tools\":7}", ERR_INVALID_TYPE, "input",
		 "Invalid type for 'input': expected one of an array of objects or string, but got an integer instead."},
		{"\"generate\":false", ERR_UNKNOWN_PARAMETER, "generate", "Unknown parameter: 'generate'."},
	};
	check_refusals(rows, sizeof rows / sizeof *rows);
}

static const struct refusal parameter_rows[] = {
	{"\"temperature\":-1", ERR_NUM_BELOW_MIN, "temperature",
	 "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead."},
	{"\"temperature\":\"hot\"", ERR_INVALID_TYPE, "temperature",
	 "Invalid type for 'temperature': expected a decimal, but got a string instead."},
	{"\"top_p\":1.5", ERR_NUM_ABOVE_MAX, "top_p",
	 "Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 1.5 instead."},
	{"\"presence_penalty\":-3", ERR_NUM_BELOW_MIN, "presence_penalty",
	 "Invalid 'presence_penalty': decimal below minimum value. Expected a value >= -2, but got -3 instead."},
	{"\"max_output_tokens\":0", ERR_INT_BELOW_MIN, "max_output_tokens",
	 "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 0 instead."},
	{"\"max_output_tokens\":16.5", ERR_INVALID_TYPE, "max_output_tokens",
	 "Invalid type for 'max_output_tokens': expected an integer, but got a decimal number instead."},
	{"\"max_tool_calls\":0", ERR_INT_BELOW_MIN, "max_tool_calls",
	 "Invalid 'max_tool_calls': integer below minimum value. Expected a value >= 1, but got 0 instead."},
	{"\"top_logprobs\":21", ERR_INT_ABOVE_MAX, "top_logprobs",
	 "Invalid 'top_logprobs': integer above maximum value. Expected a value <= 20, but got 21 instead."},
	{"\"stream\":\"yes\"", ERR_INVALID_TYPE, "stream",
	 "Invalid type for 'stream': expected a boolean, but got a string instead."},
	{"\"truncation\":\"bogus\"", ERR_INVALID_VALUE, "truncation",
	 "Invalid value: 'bogus'. Supported values are: 'auto' and 'disabled'."},
	{"\"include\":[\"bogus\"]", ERR_INVALID_VALUE, "include[0]",
	 "Invalid value: 'bogus'. Supported values are: 'code_interpreter_call.outputs', "
	 "'computer_call_output.output.image_url', 'file_search_call.results', 'message.input_image.image_url', "
	 "'message.output_text.logprobs', 'reasoning.encrypted_content', 'web_search_call.action.sources', and "
	 "'web_search_call.results'."},
	{"\"metadata\":{\"a\":1}", ERR_INVALID_TYPE, "metadata.a",
	 "Invalid type for 'metadata.a': expected a string, but got an integer instead."},
	{"\"reasoning\":{\"effort\":\"huge\"}", ERR_INVALID_VALUE, "reasoning.effort",
	 "Invalid value: 'huge'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and "
	 "'max'."},
	{"\"reasoning\":{\"efort\":\"low\"}", ERR_UNKNOWN_PARAMETER, "reasoning.efort",
	 "Unknown parameter: 'reasoning.efort'. Did you mean 'effort'?"},
	{"\"text\":{\"verbosity\":\"x\"}", ERR_INVALID_VALUE, "text.verbosity",
	 "Invalid value: 'x'. Supported values are: 'low', 'medium', and 'high'."},
	{"\"text\":{\"format\":{\"type\":\"xml\"}}", ERR_INVALID_VALUE, "text.format",
	 "Invalid value: 'xml'. Supported values are: 'text', 'json_object', and 'json_schema'."},
	{"\"text\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}", ERR_MISSING_PARAMETER, "text.format.name",
	 "Missing required parameter: 'text.format.name'."},
	{"\"stream_options\":{\"include_obfuscation\":false}", ERR_BAD_REQUEST, "stream_options",
	 "The 'stream_options' parameter is only allowed when 'stream' is enabled."},
	{"\"background_options\":{\"completion_window\":\"1h\"}", ERR_INVALID_VALUE, "background_options.completion_window",
	 "Invalid value: '1h'. Supported values are: 'soonest', '2h', and '8h'."},
	{"\"background_options\":{\"window\":\"2h\"}", ERR_UNKNOWN_PARAMETER, "background_options.window",
	 "Unknown parameter: 'background_options.window'."},
	{"\"background_options\":{\"completion_window\":\"2h\"}", ERR_INVALID_VALUE, "background_options.completion_window",
	 "Invalid value: '2h'. The completion windows '2h' and '8h' are only allowed with 'background' set to true."},
	{"\"background\":true,\"stream\":true,\"background_options\":{\"completion_window\":\"8h\"}", ERR_INVALID_VALUE,
	 "background_options.completion_window",
	 "Invalid value: '8h'. The completion windows '2h' and '8h' are only allowed with 'stream' set to false or left out."},
	{"\"background\":true,\"service_tier\":\"flex\",\"background_options\":{\"completion_window\":\"8h\"}", ERR_INVALID_VALUE,
	 "background_options.completion_window",
	 "Invalid value: '8h'. The completion windows '2h' and '8h' are only allowed with 'service_tier' set to 'auto' or 'default'."},
	{"\"previous_response_id\":\"chatcmpl-1\"", ERR_INVALID_VALUE, "previous_response_id",
	 "Invalid 'previous_response_id': 'chatcmpl-1'. Expected an ID that begins with 'resp'."},
	{"\"previous_response_id\":\"resp_1\",\"conversation\":\"conv_1\"", ERR_MUTUALLY_EXCLUSIVE, "",
	 "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'previous_response_id' or "
	 "'conversation'."},
	{"\"service_tier\":\"gold\"", ERR_INVALID_VALUE, "service_tier",
	 "Invalid value: 'gold'. Supported values are: 'auto', 'default', 'flex', 'scale', 'priority', 'fast', and "
	 "'ultrafast'."},
	{"\"prompt_cache_key\":\"12345678901234567890123456789012345678901234567890123456789012345\"",
	 ERR_STRING_TOO_LONG, "prompt_cache_key",
	 "Invalid 'prompt_cache_key': string too long. Expected a string with maximum length 64, but got a string with "
	 "length 65 instead."},
	/* shapes first, then refused by name */
	{"\"background\":1", ERR_INVALID_TYPE, "background",
	 "Invalid type for 'background': expected a boolean, but got an integer instead."},
	{"\"conversation\":{\"id\":\"resp_1\"}", ERR_INVALID_VALUE, "conversation.id",
	 "Invalid 'conversation.id': 'resp_1'. Expected an ID that begins with 'conv'."},
	{"\"conversation\":\"\"", ERR_INVALID_VALUE, "conversation",
	 "Invalid 'conversation': ''. Expected an ID that begins with 'conv'."},
	{"\"conversation\":7", ERR_INVALID_TYPE, "conversation",
	 "Invalid type for 'conversation': expected one of an object or string, but got an integer instead."},
	{"\"conversation\":{\"idd\":\"conv_1\"}", ERR_UNKNOWN_PARAMETER, "conversation.idd",
	 "Unknown parameter: 'conversation.idd'. Did you mean 'id'?"},
	{"\"prompt\":{\"id\":\"pmpt_1\",\"items\":[]}", ERR_UNKNOWN_PARAMETER, "prompt.items",
	 "Unknown parameter: 'prompt.items'."},
	{"\"context_management\":[{\"type\":\"compaction\",\"compact_threshold\":5}]", ERR_INT_BELOW_MIN,
	 "context_management[0].compact_threshold",
	 "Invalid 'context_management[0].compact_threshold': integer below minimum value. Expected a value >= 1000, "
	 "but got 5 instead."},
	{"\"moderation\":{}", ERR_MISSING_PARAMETER, "moderation.model",
	 "Missing required parameter: 'moderation.model'."},
	{"\"moderation\":{\"model\":\"omni\",\"policy\":{\"input\":{\"mode\":\"kill\"}}}", ERR_INVALID_VALUE,
	 "moderation.policy.input.mode", "Invalid value: 'kill'. Supported values are: 'score' and 'block'."},
	{"\"image\":{}", ERR_UNSUPPORTED_PARAMETER, "image",
	 "Unsupported parameter: 'image'. " LATER_TEXT("image context policies")},
};

static void parameters(void)
{
	check_refusals(parameter_rows, sizeof parameter_rows / sizeof *parameter_rows);
}

#define TOOL_F "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}]"

static void tools(void)
{
	static const struct refusal rows[] = {
		{"\"tools\":{}", ERR_INVALID_TYPE, "tools",
		 "Invalid type for 'tools': expected an array of objects, but got an object instead."},
		{"\"tools\":[{}]", ERR_MISSING_PARAMETER, "tools[0].type", "Missing required parameter: 'tools[0].type'."},
		{"\"tools\":[{\"type\":\"function\"}]", ERR_MISSING_PARAMETER, "tools[0].name",
		 "Missing required parameter: 'tools[0].name'."},
		{"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]", ERR_UNKNOWN_PARAMETER,
		 "tools[0].function", "Unknown parameter: 'tools[0].function'."},
		{"\"tools\":[{\"type\":\"function\",\"name\":\"a b\"}]", ERR_INVALID_VALUE, "tools[0].name",
		 "Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the pattern "
		 "'^[a-zA-Z0-9_-]+$'."},
		{"\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":true}]", ERR_BAD_FUNCTION_SCHEMA,
		 "tools[0].parameters",
		 "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be "
		 "false."},
		{"\"tools\":[{\"type\":\"shell\",\"environment\":{\"type\":\"container_auto\"}}]", ERR_UNSUPPORTED_VALUE,
		 "tools[0]",
		 "Unsupported value: 'container_auto'. This version does not serve shells in containers yet: the client "
		 "runs the commands ('local')."},
		{"\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"description\":\"\",\"tools\":[{\"type\":\"function\","
		 "\"name\":\"f\",\"strict\":true}]}]",
		 ERR_BAD_FUNCTION_SCHEMA, "tools[0].tools[0].parameters",
		 "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be "
		 "false."},
		{"\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"allowed_callers\":[\"programmatic\"]}]", ERR_INVALID_VALUE, "tools",
		 "Invalid value: the tool 'f' may be called by programs alone ('allowed_callers'), and 'tools' has no "
		 "'programmatic_tool_calling'."},
		{"\"tools\":[{\"type\":\"shell\",\"allowed_callers\":[\"programmatic\"]}]",
		 ERR_INVALID_VALUE, "tools",
		 "Invalid value: the tool 'shell' may be called by programs alone ('allowed_callers'), and 'tools' has no "
		 "'programmatic_tool_calling'."},
		{"\"tools\":[{\"type\":\"code_interpreter\"}]", ERR_MISSING_PARAMETER, "tools[0].container",
		 "Missing required parameter: 'tools[0].container'."},
		{"\"tools\":[{\"type\":\"web_search\",\"bogus\":1}]", ERR_UNKNOWN_PARAMETER, "tools[0].bogus",
		 "Unknown parameter: 'tools[0].bogus'."},
		{"\"tools\":[{\"type\":\"mcp\",\"server_label\":\"s\",\"require_approval\":7}]", ERR_INVALID_TYPE,
		 "tools[0].require_approval",
		 "Invalid type for 'tools[0].require_approval': expected one of an object or string, but got an integer "
		 "instead."},
		{"\"tools\":[{\"type\":\"file_search\",\"vector_store_ids\":[\"v\"],\"filters\":{\"type\":\"and\",\"filters\":"
		 "[{\"type\":\"eq\",\"key\":\"k\"}]}}]",
		 ERR_MISSING_PARAMETER, "tools[0].filters.filters[0].value",
		 "Missing required parameter: 'tools[0].filters.filters[0].value'."},
		{"\"tools\":[{\"type\":\"namespace\",\"name\":\"n\",\"description\":\"d\",\"tools\":[{\"type\":\"mcp\"}]}]",
		 ERR_INVALID_VALUE, "tools[0].tools[0]",
		 "Invalid value: 'mcp'. Supported values are: 'function' and 'custom'."},
		{"\"tool_choice\":\"any\"", ERR_INVALID_VALUE, "tool_choice",
		 "Invalid value: 'any'. Supported values are: 'none', 'auto', and 'required'."},
		{"\"tool_choice\":7", ERR_INVALID_TYPE, "tool_choice",
		 "Invalid type for 'tool_choice': expected one of an object or string, but got an integer instead."},
		{"\"tool_choice\":\"required\"", ERR_BAD_REQUEST, "tool_choice",
		 "Tool choice 'required' must be specified with 'tools' parameter."},
		{"\"tool_choice\":{\"type\":\"function\",\"name\":\"f\"}", ERR_BAD_REQUEST, "tool_choice",
		 "Tool choice 'function' not found in 'tools' parameter."},
		{"\"tool_choice\":{\"type\":\"web_search\"}", ERR_BAD_REQUEST, "tool_choice",
		 "Tool choice 'web_search' not found in 'tools' parameter."},
		{TOOL_F ",\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"}", ERR_BAD_REQUEST, "tool_choice",
		 "Tool choice 'function' not found in 'tools' parameter."},
		{TOOL_F ",\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"none\",\"tools\":[]}", ERR_INVALID_VALUE,
		 "tool_choice.mode", "Invalid value: 'none'. Supported values are: 'auto' and 'required'."},
		{TOOL_F ",\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":[{\"type\":\"mcp\"}]}",
		 ERR_BAD_REQUEST, "tool_choice", "Tool choice 'mcp' not found in 'tools' parameter."},
	};
	check_refusals(rows, sizeof rows / sizeof *rows);
}

/* Texts of the schemas themselves are schema_test's; here: that they are asked, and where the error stands. */
static void schemas(void)
{
	static const char open_schema[] = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}";
	struct arena a = {0};
	struct create c;
	struct err e;
	CHECK(!read_body(&a, str_fmt(&a, "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{}},{\"type\":"
					 "\"function\",\"name\":\"g\",\"strict\":true,\"parameters\":%s}]", open_schema).p, NULL, &c, &e));
	CHECK(e.code == ERR_BAD_FUNCTION_SCHEMA);
	CHECK_STR(str_of(e.param), S("tools[1].parameters"));
	CHECK(!read_body(&a, str_fmt(&a, "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"strict\":true,"
					 "\"schema\":%s}}", open_schema).p, NULL, &c, &e));
	CHECK(e.code == ERR_BAD_SCHEMA);
	CHECK_STR(str_of(e.param), S("text.format.schema"));
	/* omitted: strict where it fits */
	CHECK(read_body(&a, str_fmt(&a, "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":%s},{\"type\":"
					"\"function\",\"name\":\"g\",\"parameters\":{\"type\":\"object\",\"properties\":{},\"required\":"
					"[],\"additionalProperties\":false}},{\"type\":\"function\",\"name\":\"h\",\"strict\":null}]",
				open_schema).p, NULL, &c, &e));
	CHECK(c.n_tools == 3 && !c.tools[0].strict && c.tools[1].strict && !c.tools[2].strict);
	CHECK_STR(c.echo.tools,
		  S("[{\"type\":\"function\",\"description\":null,\"name\":\"f\",\"output_schema\":null,\"parameters\":{\"type\":"
		    "\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}},\"strict\":false},{\"type\":\"function\","
		    "\"description\":null,\"name\":\"g\",\"output_schema\":null,\"parameters\":{\"type\":\"object\","
		    "\"properties\":{},\"required\":[],\"additionalProperties\":false},\"strict\":true},{\"type\":\"function\","
		    "\"description\":null,\"name\":\"h\",\"output_schema\":null,\"parameters\":{\"type\":\"object\","
		    "\"properties\":{}},\"strict\":false}]"));
	arena_free(&a);
}

static void choices(void)
{
	static const struct {
		const char *json;
		enum tool_choice choice;
		const char *name, *echo;
	} rows[] = {
		{"null", CHOICE_AUTO, NULL, "\"auto\""},
		{"\"auto\"", CHOICE_AUTO, NULL, "\"auto\""},
		{"\"none\"", CHOICE_NONE, NULL, "\"none\""},
		{"\"required\"", CHOICE_REQUIRED, NULL, "\"required\""},
		{"{\"name\":\"f\",\"type\":\"function\"}", CHOICE_NAMED, "f", "{\"type\":\"function\",\"name\":\"f\"}"},
		{"{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":[]}", CHOICE_AUTO, NULL,
		 "{\"type\":\"allowed_tools\",\"mode\":\"auto\",\"tools\":[]}"},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct create c;
		struct err e;
		CHECK(read_body(&a, str_fmt(&a, TOOL_F ",\"tool_choice\":%s", rows[i].json).p, NULL, &c, &e));
		CHECK(c.choice == rows[i].choice);
		CHECK_STR(c.choice_name, str_of(rows[i].name));
		CHECK_STR(c.echo.tool_choice, str_of(rows[i].echo));
	}
	arena_free(&a);
}

static void defaults(void)
{
	struct arena a = {0};
	struct create c;
	struct err e;
	CHECK(read_body(&a, "\"client_metadata\":{\"any\":1},\"text\":{},\"tools\":null,\"stream\":null", NULL, &c, &e));
	CHECK(c.store && c.parallel_tool_calls && c.obfuscate && !c.stream && !c.background && !c.truncation_auto);
	CHECK(c.n_items == 1 && c.items[0].type == ITEM_MESSAGE && c.input_given && c.choice == CHOICE_AUTO);
	CHECK_STR(c.items[0].role, S("user"));
	CHECK_STR(json_str(json_get(c.items[0].val, S("content"))), S("x"));
	CHECK(!c.sampling.has_temperature && !c.sampling.has_max_output_tokens && !c.not_applied && !c.sampling.pass.p);
	CHECK_STR(c.echo.text, S("{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"}"));
	CHECK_STR(c.echo.reasoning,
		  S("{\"context\":\"current_turn\",\"effort\":null,\"mode\":\"standard\",\"summary\":null}"));
	CHECK_STR(c.echo.tools, S("[]"));
	CHECK_STR(c.echo.metadata, S("{}"));
	CHECK(!c.echo.instructions.p && !c.echo.conversation.p && !c.echo.prompt_cache_options.p);
	CHECK(read_body(&a, "{\"model\":\"m\",\"previous_response_id\":\"resp_1\"}", NULL, &c, &e));
	CHECK(c.n_items == 0 && !c.input_given);
	CHECK(read_body(&a, "\"service_tier\":\"default\",\"reasoning\":{\"context\":\"current_turn\"}", NULL, &c, &e));
	CHECK(!c.not_applied);
	CHECK(read_body(&a, "\"background\":false,\"conversation\":null,\"access_programs\":null", NULL, &c, &e));
	arena_free(&a);
}

static void everything_said(void)
{
	struct arena a = {0};
	struct create c;
	struct err e;
	CHECK(read_body(&a,
			"\"instructions\":\"be \\\"good\\\"\",\"temperature\":0,\"top_p\":0.5,\"max_output_tokens\":16,"
			"\"top_logprobs\":2,\"include\":[\"message.output_text.logprobs\",\"reasoning.encrypted_content\"],"
			"\"metadata\":{\"z\":\"1\",\"a\":\"2\"},\"stream\":true,\"stream_options\":{\"include_obfuscation\":false},"
			"\"store\":false,\"truncation\":\"auto\",\"parallel_tool_calls\":false,\"max_tool_calls\":3,"
			"\"text\":{\"verbosity\":\"medium\",\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":"
			"{\"type\":\"object\"}}},\"reasoning\":{\"generate_summary\":\"concise\",\"context\":\"auto\"},"
			"\"user\":\"u\",\"prompt_cache_key\":\"k\",\"service_tier\":\"flex\","
			"\"prompt_cache_options\":{\"mode\":\"explicit\"}," TOOL_F
			",\"tool_choice\":{\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],\"mode\":\"required\","
			"\"type\":\"allowed_tools\"}",
			NULL, &c, &e));
	CHECK_STR(str_of(e.msg), S(""));
	CHECK(c.sampling.has_temperature && c.sampling.temperature == 0 && c.sampling.top_p == 0.5);
	CHECK(c.sampling.max_output_tokens == 16 && c.sampling.top_logprobs == 2 && c.max_tool_calls == 3);
	CHECK(c.include_logprobs && c.include_encrypted && !c.include_image_url);
	CHECK(c.stream && !c.obfuscate && !c.store && c.truncation_auto && !c.parallel_tool_calls);
	CHECK(c.choice == CHOICE_REQUIRED && c.n_allowed == 1 && str_eq(c.allowed[0], S("f")));
	CHECK(c.format.kind == FORMAT_JSON_SCHEMA && !c.format.strict && c.format.schema);
	CHECK_STR(c.instructions, S("be \"good\""));
	CHECK_STR(c.summary, S("concise"));
	CHECK_STR(c.echo.instructions, S("\"be \\\"good\\\"\""));
	CHECK_STR(c.echo.metadata, S("{\"z\":\"1\",\"a\":\"2\"}"));
	CHECK_STR(c.echo.tool_choice, S("{\"type\":\"allowed_tools\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],"
					"\"mode\":\"required\"}"));
	CHECK_STR(c.echo.text, S("{\"format\":{\"type\":\"json_schema\",\"description\":null,\"name\":\"n\",\"schema\":"
				 "{\"type\":\"object\"},\"strict\":false},\"verbosity\":\"medium\"}"));
	CHECK_STR(c.echo.reasoning,
		  S("{\"context\":\"current_turn\",\"effort\":null,\"mode\":\"standard\",\"summary\":\"concise\"}"));
	CHECK_STR(c.echo.prompt_cache_options, S("{\"mode\":\"explicit\",\"ttl\":\"30m\"}"));
	CHECK(!c.reasoning_all);
	CHECK_STR(str_of(c.not_applied),
		  S("reasoning.generate_summary, user, prompt_cache_options, prompt_cache_key, service_tier"));
	/* Honoured, so not named among what only advises. */
	CHECK(read_body(&a, "\"reasoning\":{\"context\":\"all_turns\"}", NULL, &c, &e));
	CHECK(c.reasoning_all && !c.not_applied);
	CHECK(read_body(&a, "\"service_tier\":\"flex\",\"background\":true", NULL, &c, &e) && !c.not_applied);
	CHECK(read_body(&a, "\"service_tier\":\"flex\"", NULL, &c, &e));
	CHECK_STR(str_of(c.not_applied), S("service_tier"));
	arena_free(&a);
}

static void engine_keys(void)
{
	static const char *const pass[] = {"top_k", "stop", NULL};
	const struct request_rules rules = {.pass = pass, .engine_name = "local"};
	struct arena a = {0};
	struct create c;
	struct err e;
	CHECK(read_body(&a, "\"stop\":[\"a\"],\"top_k\":40", &rules, &c, &e));
	CHECK_STR(c.sampling.pass, S("\"top_k\":40,\"stop\":[\"a\"]"));
	CHECK(!read_body(&a, "\"min_p\":1", &rules, &c, &e));
	CHECK(e.code == ERR_UNKNOWN_PARAMETER);
	CHECK_STR(str_of(e.msg), S("Unknown parameter: 'min_p'. If the engine 'local' knows it, list it under engines[].pass "
				   "in the settings."));
	CHECK(!read_body(&a, "\"reasoning\":{\"min_p\":1}", &rules, &c, &e));
	CHECK_STR(str_of(e.msg), S("Unknown parameter: 'reasoning.min_p'."));
	CHECK(!read_body(&a, "\"top_k\":40", NULL, &c, &e));
	CHECK_STR(str_of(e.msg), S("Unknown parameter: 'top_k'. Did you mean 'top_p'?"));
	arena_free(&a);
}

#define CALL "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{}\"}"
#define OUTPUT "{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"4\"}"

static void calls(void)
{
	static const struct {
		const char *history, *input, *msg;
		const char *named; /* what a reference, the first of the input, names */
	} rows[] = {
		{NULL, CALL "," OUTPUT, "", NULL},
		{NULL, "{\"type\":\"item_reference\",\"id\":\"fc_1\"}," OUTPUT, "", CALL},
		{NULL, "{\"type\":\"item_reference\",\"id\":\"fc_1\"}", "No tool output found for function call c1.", CALL},
		{CALL, OUTPUT, "", NULL},
		{NULL, OUTPUT, "No tool call found for function call output with call_id c1.", NULL},
		{NULL, OUTPUT "," CALL, "No tool call found for function call output with call_id c1.", NULL},
		{NULL, CALL, "No tool output found for function call c1.", NULL},
		{CALL, "{\"role\":\"user\",\"content\":\"x\"}", "No tool output found for function call c1.", NULL},
		{NULL, "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"\",\"status\":\"incomplete\"}",
		 "", NULL},
		{NULL, "{\"role\":\"user\",\"content\":\"x\",\"id\":\"a\"},{\"role\":\"user\",\"content\":\"y\",\"id\":\"a\"}",
		 "Duplicate item found with id a. Remove duplicate items from your input and try again.", NULL},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct create c;
		struct item past, input[2] = {{0}};
		struct err e;
		CHECK(read_body(&a, str_fmt(&a, "{\"model\":\"m\",\"input\":[%s]}", rows[i].input).p, NULL, &c, &e));
		memcpy(input, c.items, c.n_items * sizeof *input);
		if (rows[i].named)
			CHECK(item_view(&a, str_of(rows[i].named), &input[0]));
		if (rows[i].history)
			CHECK(item_view(&a, str_of(rows[i].history), &past));
		CHECK(create_check_calls(&past, rows[i].history ? 1 : 0, &c, input, &e) == !rows[i].msg[0]);
		CHECK_STR(str_of(e.msg), str_of(rows[i].msg));
		CHECK(!rows[i].msg[0] || (e.code == ERR_BAD_REQUEST && !strcmp(e.param, "input")));
	}
	arena_free(&a);
}

/* The bodies of /input_tokens and /compact: the same rows, fewer of them. */
static void other_bodies(void)
{
	static const struct {
		enum request_kind kind;
		const char *body, *param, *msg;
	} rows[] = {
		{REQUEST_COUNT, "{}", "", ""},
		{REQUEST_COUNT, "{\"input\":\"x\",\"model\":null,\"personality\":\"friendly\"}", "", ""},
		{REQUEST_COUNT, "{\"store\":true}", "store", "Unknown parameter: 'store'."},
		{REQUEST_COUNT, "{\"personality\":7}", "personality",
		 "Invalid type for 'personality': expected a string, but got an integer instead."},
		{REQUEST_COUNT, "{\"truncation\":\"x\"}", "truncation",
		 "Invalid value: 'x'. Supported values are: 'auto' and 'disabled'."},
		{REQUEST_COMPACT, "{\"model\":\"m\",\"input\":[],\"previous_response_id\":\"resp_1\"}", "", ""},
		{REQUEST_COMPACT, "{\"input\":\"x\"}", "model", "Missing required parameter: 'model'."},
		{REQUEST_COMPACT, "{\"model\":\"m\",\"input\":\"x\",\"tools\":[]}", "tools", "Unknown parameter: 'tools'."},
		{REQUEST_COMPACT, "{\"model\":\"m\"}", "",
		 "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."},
		{REQUEST_CREATE, "{\"model\":\"m\",\"prompt_cache_options\":{\"prewarm\":true}}", "", ""},
		{REQUEST_CREATE, "{\"model\":\"m\",\"input\":[],\"prompt_cache_options\":{\"prewarm\":true}}", "", ""},
		{REQUEST_CREATE, "{\"model\":\"m\",\"input\":[],\"prompt_cache_options\":{\"prewarm\":false}}", "",
		 "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."},
		{REQUEST_CREATE, "{\"model\":\"m\",\"generate\":false}", "generate", "Unknown parameter: 'generate'."},
		{REQUEST_CREATE, "{\"model\":\"m\",\"input\":\"x\",\"personality\":\"x\"}", "personality",
		 "Unknown parameter: 'personality'."},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct request_rules rules = {.kind = rows[i].kind};
		struct create c;
		struct err e;
		CHECK(read_body(&a, rows[i].body, &rules, &c, &e) == !rows[i].msg[0]);
		CHECK_STR(str_of(e.msg), str_of(rows[i].msg));
		CHECK_STR(str_of(e.param), str_of(rows[i].param));
	}
	arena_free(&a);
}

/* Live: a schema that says nothing of being strict is so when it is within the subset. */
static void strict_formats(void)
{
	static const struct {
		const char *strict, *schema;
		bool want;
	} formats[] = {
	    {"",
	     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],"
	     "\"additionalProperties\":false}",
	     true},
	    {",\"strict\":null",
	     "{\"type\":\"object\",\"properties\":{},\"required\":[],\"additionalProperties\":false}", true},
	    {",\"strict\":false",
	     "{\"type\":\"object\",\"properties\":{},\"required\":[],\"additionalProperties\":false}", false},
	    {"", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}", false},
	};
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		struct arena a = {0};
		struct create c;
		struct err e = {0};
		CHECK(read_body(
		    &a,
		    str_fmt(&a, "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":%s%s}}",
			    formats[i].schema, formats[i].strict)
			.p,
		    NULL, &c, &e));
		CHECK(c.format.kind == FORMAT_JSON_SCHEMA && c.format.strict == formats[i].want);
		arena_free(&a);
	}
}

int main(void)
{
	static const struct test_case tests[] = {{"formats that are strict", strict_formats},
		{"the body as a whole", body_as_a_whole},
		{"parameters", parameters},
		{"tools and their choice", tools},
		{"schemas", schemas},
		{"choices", choices},
		{"defaults", defaults},
		{"everything said", everything_said},
		{"keys for the engine", engine_keys},
		{"calls and their outputs", calls},
		{"other bodies", other_bodies},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
