/* chat_request_test.c - chat completions requests: what becomes of them, and the live API's refusals. */
#include "chat/chat_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"

static struct arena a;
static const char *const pass[] = {"top_k", "stop", NULL};
static const struct chat_rules rules = {.pass = pass, .engine_name = "local", .max_choices = 8};

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOLS                                                                                                          \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}},"       \
	"{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]"

static bool read_body(const char *json, struct chat_create *c, struct err *e)
{
	yyjson_val *v = NULL;
	if (!json_parse(&a, str_of(json), &v, e))
		return false;
	return chat_read(&a, v, &rules, c, e);
}

static struct chat_create good(const char *json)
{
	struct chat_create c = {0};
	struct err e = {0};
	if (!read_body(json, &c, &e)) {
		test_failed = 1;
		printf("# %s\n#   %s\n", json, e.msg);
	}
	return c;
}

static void bad(const char *json, const char *code, const char *param, const char *msg)
{
	struct chat_create c = {0};
	struct err e = {0};
	CHECK(!read_body(json, &c, &e));
	CHECK_STR(str_of(e.msg), str_of(msg));
	CHECK_STR(str_of(e.param), str_of(param));
	CHECK_STR(str_of(err_rows[e.code].code), str_of(code));
}

static void least(void)
{
	struct chat_create c = good("{\"model\":\"m\"," HI "}");
	CHECK_STR(c.model, S("m"));
	CHECK(c.n == 1 && !c.stream && !c.include_usage && c.obfuscate && !c.metadata.p && !c.not_applied);
	CHECK(c.prompt.n == 1 && c.prompt.messages[0].role == ROLE_USER && c.prompt.parallel);
	CHECK_STR(c.prompt.messages[0].parts[0].text, S("hi"));
	CHECK(!c.prompt.sampling.has_temperature && !c.prompt.sampling.has_max_output_tokens &&
	      !c.prompt.sampling.pass.p);
	arena_free(&a);
}

static void parameters(void)
{
	struct chat_create c = good(
	    "{\"model\":\"m\"," HI ",\"n\":3,\"stream\":true,\"stream_options\":{\"include_usage\":true,"
	    "\"include_obfuscation\":false},\"temperature\":0.5,\"top_p\":1,\"presence_penalty\":-2,"
	    "\"frequency_penalty\":2,\"max_completion_tokens\":7,\"logprobs\":true,\"top_logprobs\":2,"
	    "\"seed\":5,\"stop\":[\"a\",\"b\"],\"logit_bias\":{\"50256\":-100},\"top_k\":40,\"metadata\":{\"k\":\"v\"},"
	    "\"user\":\"u\",\"service_tier\":\"auto\",\"verbosity\":\"low\",\"reasoning_effort\":\"none\","
	    "\"prompt_cache_key\":\"pk\",\"modalities\":[\"text\"],\"store\":false,\"audio\":null}");
	struct sampling *s = &c.prompt.sampling;
	CHECK(c.n == 3 && c.stream && c.include_usage && !c.obfuscate && c.prompt.logprobs);
	CHECK(s->has_temperature && s->has_top_p && s->has_presence_penalty && s->has_frequency_penalty);
	CHECK(s->has_max_output_tokens && s->max_output_tokens == 7 && s->has_top_logprobs && s->top_logprobs == 2);
	CHECK_STR(s->effort, S("none"));
	CHECK_STR(s->pass, S("\"stop\":[\"a\",\"b\"],\"seed\":5,\"logit_bias\":{\"50256\":-100},\"top_k\":40"));
	CHECK_STR(c.metadata, S("{\"k\":\"v\"}"));
	CHECK_STR(c.prompt.cache_key, S("pk"));
	CHECK_STR(c.prompt.verbosity, S("low"));
	CHECK_STR(str_of(c.not_applied), S("verbosity, reasoning_effort, user, prompt_cache_key"));
	c = good("{\"model\":\"m\"," HI
		 ",\"max_tokens\":9,\"n\":null,\"stop\":null,\"tools\":null,\"response_format\":null}");
	CHECK(c.n == 1 && c.prompt.sampling.max_output_tokens == 9 && !c.prompt.sampling.pass.p);
	arena_free(&a);
}

static void messages(void)
{
	struct chat_create c = good(
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"be\","
	    "\"cache_control\":{\"type\":\"ephemeral\"}}]},"
	    "{\"role\":\"user\",\"name\":\"bo\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image_"
	    "url\","
	    "\"image_url\":{\"url\":\"data:x\",\"detail\":\"low\"}},{\"type\":\"input_audio\",\"input_audio\":{"
	    "\"data\":\"QQ\","
	    "\"format\":\"wav\"}},{\"type\":\"file\",\"file\":{\"filename\":\"f.txt\",\"file_data\":\"data:y\"}}]},"
	    "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"hm\",\"refusal\":null,\"annotations\":[],"
	    "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
	    "{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]},"
	    "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":\"2\"},{\"role\":\"tool\",\"tool_call_id\":\"c1\","
	    "\"content\":[{\"type\":\"text\",\"text\":\"1\"}]},{\"role\":\"assistant\",\"refusal\":\"no\"},"
	    "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"never\"}]}]}");
	struct prompt_message *m = c.prompt.messages;
	CHECK(c.prompt.n == 7 && m[0].role == ROLE_SYSTEM && m[1].role == ROLE_USER && m[1].n_parts == 4);
	CHECK(m[1].parts[1].kind == PART_IMAGE && m[1].parts[2].kind == PART_AUDIO && m[1].parts[3].kind == PART_FILE);
	CHECK_STR(m[1].parts[1].text, S("data:x"));
	CHECK_STR(m[1].parts[1].detail, S("low"));
	CHECK_STR(str_of(m[1].parts[1].where), S("messages[1].content[1]"));
	CHECK_STR(m[1].parts[2].detail, S("wav"));
	CHECK_STR(m[1].parts[3].text, S("data:y"));
	CHECK_STR(m[1].parts[3].detail, S("f.txt"));
	CHECK(m[2].role == ROLE_ASSISTANT && m[2].n_calls == 2 && m[2].n_parts == 0);
	CHECK_STR(m[2].reasoning, S("hm"));
	CHECK_STR(m[2].calls[1].name, S("g"));
	CHECK_STR(m[2].calls[0].arguments, S("{}"));
	CHECK(m[3].role == ROLE_TOOL);
	CHECK_STR(m[3].call_id, S("c2"));
	CHECK_STR(m[4].parts[0].text, S("1"));
	CHECK_STR(m[5].parts[0].text, S("no"));
	CHECK_STR(m[6].parts[0].text, S("never"));
	CHECK_STR(str_of(c.not_applied), S("messages[].name"));
	arena_free(&a);
}

static void tools(void)
{
	struct chat_create c = good("{\"model\":\"m\"," HI "," TOOLS ",\"parallel_tool_calls\":false}");
	CHECK(c.prompt.n_tools == 2 && c.prompt.choice == CHOICE_AUTO && !c.prompt.parallel &&
	      !c.prompt.tools[0].strict);
	CHECK(yyjson_obj_size(c.prompt.tools[0].parameters) && yyjson_obj_size(c.prompt.tools[1].parameters) == 2);
	c = good("{\"model\":\"m\"," HI "," TOOLS
		 ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}}");
	CHECK(c.prompt.choice == CHOICE_NAMED);
	CHECK_STR(c.prompt.choice_name, S("g"));
	CHECK(good("{\"model\":\"m\"," HI "," TOOLS ",\"tool_choice\":\"required\"}").prompt.choice == CHOICE_REQUIRED);
	CHECK(good("{\"model\":\"m\"," HI "," TOOLS ",\"tool_choice\":\"none\"}").prompt.choice == CHOICE_NONE);
	c = good("{\"model\":\"m\"," HI "," TOOLS
		 ",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":"
		 "\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]}}}");
	CHECK(c.prompt.choice == CHOICE_REQUIRED && c.prompt.n_tools == 1);
	CHECK_STR(c.prompt.tools[0].name, S("g"));
	arena_free(&a);
}

static void formats(void)
{
	struct chat_create c =
	    good("{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
		 "\"name\":\"s\",\"strict\":true,\"schema\":{\"type\":\"object\",\"properties\":{},"
		 "\"required\":[],\"additionalProperties\":false}}}}");
	CHECK(c.prompt.format.kind == FORMAT_JSON_SCHEMA && c.prompt.format.strict && c.prompt.format.schema);
	CHECK(good("{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"json_object\"}}").prompt.format.kind ==
	      FORMAT_JSON_OBJECT);
	CHECK(good("{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"text\"}}").prompt.format.kind ==
	      FORMAT_TEXT);
	bad("{\"model\":\"m\"," HI
	    ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"s\",\"strict\":true,"
	    "\"schema\":{\"type\":\"object\"}}}}",
	    "invalid_json_schema", "response_format",
	    "Invalid schema for response_format 's': In context=(), 'additionalProperties' is required to be supplied "
	    "and to be "
	    "false.");
	bad("{\"model\":\"m\"," HI ",\"response_format\":{}}", "missing_required_parameter", "response_format.type",
	    "Missing required parameter: 'response_format.type'.");
	bad("{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"json_schema\"}}", "missing_required_parameter",
	    "response_format.json_schema", "Missing required parameter: 'response_format.json_schema'.");
	bad("{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}}",
	    "missing_required_parameter", "response_format.json_schema.name",
	    "Missing required parameter: 'response_format.json_schema.name'.");
	bad("{\"model\":\"m\"," HI ",\"response_format\":{\"type\":\"bogus\"}}", "invalid_value",
	    "response_format.type",
	    "Invalid value: 'bogus'. Supported values are: 'json_object', 'json_schema', and 'text'.");
	arena_free(&a);
}

/* One refusal a row: the members beside model and a message. */
static const struct refusal {
	const char *members, *code, *param, *msg;
} refusals[] = {
    {"\"zzz\":1", "unknown_parameter", "zzz",
     "Unknown parameter: 'zzz'. If the engine 'local' knows it, list it under engines[].pass in the settings."},
    {"\"zzz\":1,\"n\":\"abc\"", "unknown_parameter", "zzz",
     "Unknown parameter: 'zzz'. If the engine 'local' knows it, list it under engines[].pass in the settings."},
    {"\"n\":\"2\"", "invalid_type", "n", "Invalid type for 'n': expected an integer, but got a string instead."},
    {"\"n\":0", "integer_below_min_value", "n",
     "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead."},
    {"\"n\":64", "integer_above_max_value", "n",
     "Invalid 'n': integer above maximum value. Expected a value <= 8, but got 64 instead."},
    {"\"seed\":1.5", "invalid_type", "seed",
     "Invalid type for 'seed': expected an integer, but got a decimal number instead."},
    {"\"tools\":[]", "empty_array", "tools",
     "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead."},
    {"\"tools\":[{\"type\":\"function\"}]", "missing_required_parameter", "tools[0].function",
     "Missing required parameter: 'tools[0].function'."},
    {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"\"}}]", "empty_string", "tools[0].function.name",
     "Invalid 'tools[0].function.name': empty string. Expected a string with minimum length 1, but got an empty string "
     "instead."},
    {"\"tools\":[{\"type\":\"custom\",\"custom\":{}}]", "missing_required_parameter", "tools[0].custom.name",
     "Missing required parameter: 'tools[0].custom.name'."},
    {"\"tools\":[{\"type\":\"custom\"}]", "missing_required_parameter", "tools[0].custom",
     "Missing required parameter: 'tools[0].custom'."},
    {"\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\",\"format\":{\"type\":\"grammar\"}}}]",
     "missing_required_parameter", "tools[0].custom.format.grammar",
     "Missing required parameter: 'tools[0].custom.format.grammar'."},
    {TOOLS ",\"tool_choice\":{\"type\":\"custom\",\"custom\":{\"name\":\"c\"}}", "", "tool_choice",
     "Invalid value for 'tool_choice': no custom tool named 'c' was specified in the 'tools' parameter."},
    {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,\"parameters\":{\"type\":"
     "\"object\"}}}]",
     "invalid_function_parameters", "tools[0].function.parameters",
     "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be "
     "false."},
    {"\"tool_choice\":\"auto\"", "", "tool_choice",
     "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."},
    {TOOLS ",\"tool_choice\":7", "invalid_type", "tool_choice",
     "Invalid type for 'tool_choice': expected one of one of 'none', 'auto', or 'required' or object, but got an "
     "integer "
     "instead."},
    {TOOLS ",\"tool_choice\":{\"type\":\"bogus\"}", "missing_required_parameter", "tool_choice.function",
     "Missing required parameter: 'tool_choice.function'."},
    {TOOLS ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"h\"}}", "", "tool_choice",
     "Invalid value for 'tool_choice': no function named 'h' was specified in the 'tools' parameter."},
    {"\"parallel_tool_calls\":true", "", "parallel_tool_calls",
     "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified."},
    {"\"top_logprobs\":1", "", "top_logprobs",
     "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."},
    {"\"stream_options\":{}", "", "stream_options",
     "The 'stream_options' parameter is only allowed when 'stream' is enabled."},
    {"\"max_tokens\":5,\"max_completion_tokens\":5", "invalid_parameter_combination", "max_tokens",
     "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."},
    {"\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]", "array_above_max_length", "stop",
     "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5 "
     "instead."},
    {"\"logit_bias\":{\"1\":101}", "decimal_above_max_value", "logit_bias.1",
     "Invalid 'logit_bias.1': decimal above maximum value. Expected a value <= 100, but got 101 instead."},
    {"\"web_search_options\":{},\"seed\":1", "unsupported_parameter", "seed",
     "Unsupported parameter: 'seed' is not supported with 'web_search_options'."},
    {"\"web_search_options\":{},\"n\":2", "unsupported_parameter", "n",
     "Unsupported parameter: 'n' is not supported with 'web_search_options'."},
    {"\"web_search_options\":{\"search_context_size\":\"huge\"}", "invalid_value", "web_search_options.search_context_size",
     "Invalid value: 'huge'. Supported values are: 'low', 'medium', and 'high'."},
    {"\"web_search_options\":{\"user_location\":{\"type\":\"approximate\"}}", "missing_required_parameter",
     "web_search_options.user_location.approximate", "Missing required parameter: 'web_search_options.user_location.approximate'."},
    {"\"web_search_options\":{\"max\":1}", "unknown_parameter", "web_search_options.max",
     "Unknown parameter: 'web_search_options.max'."},
    {"\"moderation\":{}", "missing_required_parameter", "moderation.model", "Missing required parameter: 'moderation.model'."},
    {"\"modalities\":[\"text\",\"audio\"]", "missing_required_parameter", "audio",
     "Missing required parameter: 'audio'."},
    {"\"audio\":{\"voice\":\"alloy\",\"format\":\"wav\"}", "invalid_parameter_combination", "audio",
     "The 'audio' parameter is only allowed when 'modalities' has 'audio'."},
    {"\"modalities\":[\"audio\"],\"audio\":{\"voice\":\"alloy\",\"format\":\"ogg\"}", "invalid_value", "audio.format",
     "Invalid value: 'ogg'. Supported values are: 'wav', 'aac', 'mp3', 'flac', 'opus', and 'pcm16'."},
    {"\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"alloy\",\"format\":\"wav\"},\"store\":true",
     "unsupported_parameter", "store",
     "Unsupported parameter: 'store' is not supported with 'modalities' that have 'audio'."},
    {"\"functions\":[{\"name\":\"f\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]",
     "invalid_parameter_combination", "functions", "Setting 'functions' and 'tools' at the same time is not supported."},
    {"\"function_call\":\"auto\"", "", "function_call",
     "Invalid value for 'function_call': 'function_call' is only allowed when 'functions' are specified."},
    {"\"functions\":[{\"name\":\"f\"}],\"function_call\":{\"name\":\"g\"}", "", "function_call",
     "Invalid value for 'function_call': no function named 'g' was specified in the 'functions' parameter."},
    {"\"prediction\":{\"type\":\"content\"}", "missing_required_parameter", "prediction.content",
     "Missing required parameter: 'prediction.content'."},
    {"\"metadata\":\"x\"", "invalid_type", "metadata",
     "Invalid type for 'metadata': expected a metadata object, but got a string instead."},
};

static void refuses(void)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal *r = &refusals[i];
		char body[2000];
		snprintf(body, sizeof body, "{\"model\":\"m\"," HI ",%s}", r->members);
		bad(body, r->code, r->param, r->msg);
	}
	bad("{" HI "}", "", "", "you must provide a model parameter");
	bad("{\"model\":\"m\",\"zzz\":1}", "missing_required_parameter", "messages",
	    "Missing required parameter: 'messages'.");
	bad("[]", "invalid_type", "", "Invalid body: expected an object, but got an array instead.");
	arena_free(&a);
}

static const struct refusal message_refusals[] = {
    {"", "empty_array", "messages",
     "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."},
    {"7", "invalid_type", "messages[0]",
     "Invalid type for 'messages[0]': expected an object, but got an integer instead."},
    {"{\"content\":\"x\"}", "missing_required_parameter", "messages[0].role",
     "Missing required parameter: 'messages[0].role'."},
    {"{\"role\":\"bogus\",\"content\":\"x\"}", "invalid_value", "messages[0].role",
     "Invalid value: 'bogus'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and "
     "'developer'."},
    {"{\"role\":\"user\",\"content\":7}", "invalid_type", "messages[0].content",
     "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an integer "
     "instead."},
    {"{\"role\":\"user\"}", "", "messages.[0].content", "Invalid value for 'content': expected a string, got null."},
    {"{\"role\":\"developer\",\"refusal\":\"no\"}", "missing_required_parameter", "messages[0].content",
     "Missing required parameter: 'messages[0].content'."},
    {"{\"role\":\"user\",\"content\":\"x\",\"bogus\":1}", "unknown_parameter", "messages[0].bogus",
     "Unknown parameter: 'messages[0].bogus'."},
    {"{\"role\":\"user\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"x\"}]}", "invalid_value",
     "messages[0].content[0].type",
     "Invalid value: 'refusal'. Supported values are: 'text', 'image_url', 'input_audio', and 'file'."},
    {"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\",\"bogus\":{}}]}", "unknown_parameter",
     "messages[0].content[0].bogus", "Unknown parameter: 'messages[0].content[0].bogus'."},
    {"{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}", "missing_required_parameter",
     "messages[0].content[0].image_url", "Missing required parameter: 'messages[0].content[0].image_url'."},
    {"{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"filename\":\"x\"}}]}",
     "missing_required_parameter", "messages[0].content[0].file.file_data",
     "Missing required parameter: 'messages[0].content[0].file.file_data'."},
    {"{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[]}", "empty_array", "messages[0].tool_calls",
     "Invalid 'messages[0].tool_calls': empty array. Expected an array with minimum length 1, but got an empty array "
     "instead."},
    {"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
     "missing_required_parameter", "messages[0].tool_calls[0].function.arguments",
     "Missing required parameter: 'messages[0].tool_calls[0].function.arguments'."},
    {"{\"role\":\"assistant\",\"function_call\":{\"name\":\"f\"}}", "missing_required_parameter",
     "messages[0].function_call.arguments", "Missing required parameter: 'messages[0].function_call.arguments'."},
    {"{\"role\":\"function\",\"content\":\"x\"}", "missing_required_parameter", "messages[0].name",
     "Missing required parameter: 'messages[0].name'."},
    {"{\"role\":\"tool\",\"content\":\"x\"}", "missing_required_parameter", "messages[0].tool_call_id",
     "Missing required parameter: 'messages[0].tool_call_id'."},
    {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"x\"}", "", "messages.[0].role",
     "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."},
    {"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"arguments\":"
     "\"\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]},{\"role\":"
     "\"tool\","
     "\"tool_call_id\":\"c2\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"x\"}",
     "", "messages",
     "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The "
     "following tool_call_ids did not have response messages: c1"},
    {"{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"arguments\":"
     "\"\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c9\",\"content\":\"x\"}",
     "", "messages.[1].role",
     "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."},
};

static void refuses_messages(void)
{
	for (size_t i = 0; i < sizeof message_refusals / sizeof *message_refusals; i++) {
		const struct refusal *r = &message_refusals[i];
		char body[2000];
		snprintf(body, sizeof body, "{\"model\":\"m\",\"messages\":[%s]}", r->members);
		bad(body, r->code, r->param, r->msg);
	}
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"the least request", least},
	    {"parameters", parameters},
	    {"messages become a prompt", messages},
	    {"tools and choices", tools},
	    {"formats", formats},
	    {"what is refused", refuses},
	    {"which messages are refused", refuses_messages},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
