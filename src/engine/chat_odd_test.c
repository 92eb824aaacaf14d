/* chat_odd_test.c - what engines send that OpenAI does not, forgiven as far as its meaning is clear. */
#include "engine/chat_rows_test.h"

/* Characters that were cut between two deltas, and bytes that are none. */
static void cut_characters(void)
{
	static const struct row rows[] = {
	    {NULL, TEXT("Hi \\ud83d") TEXT("\\ude00!") END("stop"), "|T:Hi \U0001F600!|stop 0/0/2/0"},
	    {NULL, TEXT("\\ud83d") CHUNK("{\"content\":\"\",\"reasoning\":\"\"}") TEXT("\\ude00") END("stop"),
	     "|T:\U0001F600|stop 0/0/2/0"},
	    {NULL, TEXT("a\\ude00b") TEXT("\\ud83d") TEXT("\\ud83d") TEXT("c") END("stop"),
	     "|T:a\ufffdb\ufffd\ufffdc|stop 0/0/4/0"},
	    {NULL, TEXT("a\\ud83d") END("stop"), "|T:a\ufffd|stop 0/0/1/0"},
	    {NULL, TEXT("a\xf0\x9f") TEXT("\x98\x80") END("stop"), "|T:a\U0001F600|stop 0/0/2/0"},
	    {NULL, TEXT("a\xf0") TEXT("\x9f") TEXT("\x98") TEXT("\x80z") END("stop"), "|T:a\U0001F600z|stop 0/0/4/0"},
	    {NULL, TEXT("a\xff\x80") TEXT("b\xe2\x82") END("stop"), "|T:a\ufffd\ufffdb\ufffd|stop 0/0/2/0"},
	    {NULL,
	     CHUNK("{\"reasoning_content\":\"\\ud83d\"}") CHUNK("{\"reasoning_content\":\"\\ude00\\ud83d\"}") TEXT("a")
		 END("stop"),
	     "|R:\U0001F600\ufffd|T:a|stop 0/0/3/2"},
	    {NULL, CHUNK("{\"refusal\":\"\xf0\x9f\"}") CHUNK("{\"refusal\":\"\x98\x80\"}") END("stop"),
	     "|F:\U0001F600|stop 0/0/2/0"},
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION(
		 "f", "{\\\"x\\\":\\\"\\ud83d") "},{\"index\":1,\"id\":\"b\"," FUNCTION("g",
											"{\\\"y\\\":\\\"\xf0\x9f") "}")
		 CALLS("{\"index\":0," ARGS("\\ude00\\\"}") "}") CALLS("{\"index\":1," ARGS("\x98\x80\\ud83d\\\"}") "}")
		     END("stop"),
	     "|C0:f(a)|A0:{\"x\":\"|C1:g(b)|A1:{\"y\":\"|A0:\U0001F600\"}|A1:\U0001F600\ufffd\"}|calls 0/0/4/0"},
	    {one_tool, CALLS("{\"index\":0," FUNCTION("f\\ud83d", "{}") "}") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {two_tools,
	     CALLS("{\"index\":0,\"function\":{\"name\":\"h\\ud83d\",\"arguments\":{\"x\":\"\\ud83d\"}}}") END("stop"),
	     "|C0:h_()|A0:{\"x\":\"\ufffd\"}|calls 0/0/1/0"},
	    {NULL, "{\"choices\":[{\"message\":{\"content\":\"a\\ud83d\"},\"finish_reason\":\"stop\"}]}",
	     "|T:a\ufffd|stop 0/0/1/0"},
	};
	ROWS(rows);
}

static void names(void)
{
	static const struct row rows[] = {
	    {two_tools, CALLS("{\"index\":0," FUNCTION("functions.f", "{}") "}") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION("g<|channel|>commentary", "{}") "}") END("stop"),
	     "|C0:g()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION("functions.f:0", "{}") "}") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION(" f\\n", "{}") "}") END("stop"), "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION("default_api.g()", "{}") "}") END("stop"),
	     "|C0:g()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION("functions_f", "{}") "}") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION("\\\"F\\\"", "{}") "}") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/1/0"},
	    /* None that was offered: made such as clients may send back. */
	    {two_tools, CALLS("{\"index\":0," FUNCTION("ns.h:2", "{}") "}") END("stop"),
	     "|C0:ns_h_2()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION("h<|channel|>x", "{}") "}") END("stop"),
	     "|C0:h()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION("\\u00e9t\\u00e9", "{}") "}") END("stop"),
	     "|C0:_t_()|A0:{}|calls 0/0/1/0"},
	    /* In pieces; a piece that says the name once more. */
	    {weather_tool,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("get_wea", "") "}") CALLS(
		 "{\"index\":0,\"function\":{\"name\":\"ther\"}}") CALLS("{\"index\":0," ARGS("{}") "}") END("stop"),
	     "|C0:get_weather(a)|A0:{}|calls 0/0/3/0"},
	    {weather_tool,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("get_weather", "") "}")
		 CALLS("{\"index\":0," FUNCTION("get_weather", "") "}")
		     CALLS("{\"index\":0," FUNCTION("get_weather", "{}") "}") END("stop"),
	     "|C0:get_weather(a)|A0:{}|calls 0/0/3/0"},
	    {weather_tool,
	     CALLS("{\"index\":0," FUNCTION("get_wea", "") "}") CALLS("{\"index\":0," FUNCTION("get_weather", "") "}")
		 END("stop"),
	     "|C0:get_weather()|A0:{}|calls 0/0/2/0"},
	    {weather_tool,
	     CALLS("{\"index\":0," FUNCTION("get_wea", "") "}") CALLS("{\"index\":0,\"function\":{\"name\":\"ther\"}}")
		 CALLS("{\"index\":1,\"id\":\"b\"," FUNCTION("get_weather", "{}") "}") END("stop"),
	     "|C0:get_weather()|C1:get_weather(b)|A1:{}|A0:{}|calls 0/0/3/0"},
	};
	ROWS(rows);
}

static void pieces(void)
{
	static const struct row rows[] = {
	    /* An empty piece of a known index begins nothing. */
	    {weather_tool,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("get_weather", "") "}")
		 CALLS("{\"index\":0," FUNCTION("get_weather", "{}") "}")
		     CALLS("{\"index\":0," FUNCTION("get_weather", "") "}") END("tool_calls"),
	     "|C0:get_weather(a)|A0:{}|calls 0/0/3/0"},
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{}") "}") CALLS("{\"index\":0,\"function\":{}}")
		 CALLS("{\"index\":7,\"function\":{\"arguments\":\"\"}}") CALLS("{}") END("tool_calls"),
	     "|C0:f(a)|A0:{}|calls 0/0/4/0"},
	    /* The name once more, then arguments: another call. */
	    {two_tools,
	     CALLS("{\"index\":0," FUNCTION("f", "{}") "}") CALLS("{\"index\":0," FUNCTION("f", "") "}")
		 CALLS("{\"index\":0," ARGS("{\\\"x\\\":1}") "}") END("tool_calls"),
	     "|C0:f()|A0:{}|C1:f()|A1:{\"x\":1}|calls 0/0/3/0"},
	    {two_tools,
	     CALLS("{\"index\":0," FUNCTION("f", "") "}") CALLS("{\"index\":0," FUNCTION("g", "") "}")
		 END("tool_calls"),
	     "|C0:f()|C1:g()|A0:{}|A1:{}|calls 0/0/2/0"},
	    /* No index; the id in the first piece only; an index from the second piece on. */
	    {two_tools,
	     CALLS("{\"id\":\"a\"," FUNCTION("f", "") "}") CALLS("{" ARGS("{\\\"x\\\":") "}") CALLS("{" ARGS("1}") "}")
		 CALLS("{\"id\":\"b\"," FUNCTION("g", "{}") "}") END("tool_calls"),
	     "|C0:f(a)|A0:{\"x\":1}|C1:g(b)|A1:{}|calls 0/0/4/0"},
	    {two_tools,
	     CALLS("{\"id\":\"a\"," FUNCTION("f", "") "}") CALLS("{\"index\":0," ARGS("{}") "}") END("tool_calls"),
	     "|C0:f(a)|A0:{}|calls 0/0/2/0"},
	    /* An id first, then the name; ids made anew for each piece. */
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\",\"type\":\"function\"}") CALLS("{\"index\":0," FUNCTION("f", "{}") "}")
		 END("tool_calls"),
	     "|C0:f(a)|A0:{}|calls 0/0/2/0"},
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{") "}")
		 CALLS("{\"index\":0,\"id\":\"b\"," FUNCTION("f", "}") "}") END("tool_calls"),
	     "|C0:f(a)|A0:{}|calls 0/0/2/0"},
	    /* Indexes out of order: the calls count as they come. */
	    {two_tools,
	     CALLS("{\"index\":1,\"id\":\"b\"," FUNCTION("g", "{") "}")
		 CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{}") "}") CALLS("{\"index\":1," ARGS("}") "}")
		     END("tool_calls"),
	     "|C0:g(b)|A0:{|C1:f(a)|A1:{}|A0:}|calls 0/0/3/0"},
	    {two_tools, CALLS("{\"index\":0,\"id\":\"a\",\"type\":\"function\"}") END("tool_calls"), "|stop 0/0/1/0"},
	};
	ROWS(rows);
}

#define F "{\"type\":\"function\",\"name\":\"f\",\"parameters\":null,\"strict\":false}"
#define G "{\"type\":\"function\",\"name\":\"g\",\"parameters\":null,\"strict\":false}"
#define CHOICE(choice) "\"input\":\"x\",\"tools\":[" F "," G "],\"tool_choice\":" choice

/* tool_choice is enforced, whatever the engine makes of it. */
static void choices(void)
{
	static const char no_call[] =
	    "error ENGINE: The model made no function call although 'tool_choice' demands one.";
	char text[160], both[160];
	snprintf(text, sizeof text, "|T:a|%s", no_call);
	snprintf(both, sizeof both, "|%s", no_call);
	const struct row rows[] = {
	    {CHOICE("\"none\""), TEXT("a") CALLS("{\"index\":0," FUNCTION("f", "{}") "}") END("tool_calls"),
	     "|T:a|stop 0/0/2/0"},
	    {CHOICE("\"required\""), TEXT("a") END("stop"), text},
	    {CHOICE("\"required\""), TEXT("a") END("length"), "|T:a|length 0/0/1/0"},
	    {CHOICE("\"required\""), CHUNK("{\"refusal\":\"no\"}") END("stop"), "|F:no|stop 0/0/1/0"},
	    {CHOICE("\"required\""), CALLS("{\"index\":0," FUNCTION("f", "{}") "}") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {CHOICE("{\"type\":\"function\",\"name\":\"f\"}"),
	     CALLS("{\"index\":0," FUNCTION("g", "{}") "}") END("stop"), both},
	    {CHOICE("{\"type\":\"function\",\"name\":\"f\"}"),
	     CALLS("{\"index\":0," FUNCTION("g", "{}") "},{\"index\":1," FUNCTION("functions.f", "{}") "}") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/2/0"},
	    {CHOICE("\"auto\",\"parallel_tool_calls\":false"),
	     CALLS("{\"index\":0," FUNCTION("g", "{") "},{\"index\":1," FUNCTION("f", "{}") "}")
		 CALLS("{\"index\":0," ARGS("}") "}") END("stop"),
	     "|C0:g()|A0:{}|calls 0/0/3/0"},
	};
	ROWS(rows);
}

#define FORMAT(format) "\"input\":\"x\",\"text\":{\"format\":" format "}"

/* One fence around the whole of a text that is to be JSON. */
static void fences(void)
{
	static const char object[] = FORMAT("{\"type\":\"json_object\"},\"verbosity\":\"low\"");
	static const struct row rows[] = {
	    {object, TEXT("```json\\n{\\\"a\\\":1}\\n```") END("stop"), "|T:{\"a\":1}|stop 0/0/1/0"},
	    {object,
	     TEXT("\\n``") TEXT("`js") TEXT("on\\r\\n{\\\"a") TEXT("\\\":1}") TEXT("\\n``") TEXT("`\\n") END("stop"),
	     "|T:{\"a\":1}|stop 0/0/6/0"},
	    {object, TEXT("```{\\\"a\\\":\\\"`` ``` x\\\"}```") END("stop"), "|T:{\"a\":\"`` ``` x\"}|stop 0/0/1/0"},
	    {object, TEXT("~~~~json\\n[1]\\n~~~~ ") END("stop"), "|T:[1]|stop 0/0/1/0"},
	    {object, TEXT("```json\\n{\\\"a\\\":") END("length"), "|T:{\"a\":|length 0/0/1/0"},
	    {object, TEXT(" {\\\"a\\\":1} \\n") END("stop"), "|T: {\"a\":1} \n|stop 0/0/1/0"},
	    {object, TEXT("``") END("stop"), "|T:``|stop 0/0/1/0"},
	    {object, TEXT("```python\\nprint(1)\\n```") END("stop"), "|T:```python\nprint(1)\n```|stop 0/0/1/0"},
	    {NULL, TEXT("```json\\n{}\\n```") END("stop"), "|T:```json\n{}\n```|stop 0/0/1/0"},
	};
	static const struct row forced[] = {
	    {two_tools, TEXT("```json\\n{\\\"name\\\":\\\"f\\\",\\\"arguments\\\":{\\\"x\\\":1}}\\n```") END("stop"),
	     "|C0:f()|A0:{\"x\":1}|calls 0/0/1/0"},
	    {two_tools, TEXT("```\\n{\\\"name\\\":\\\"functions.f\\\",\\\"arguments\\\":{}}\\n```") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {two_tools, TEXT("{\\\"name\\\":\\\"f\\\",\\\"arguments\\\":{\\\"x\\\":\\\"\\\\ud83d\\\"}}") END("stop"),
	     "|C0:f()|A0:{\"x\":\"\ufffd\"}|calls 0/0/1/0"},
	};
	ROWS(rows);
	ROWS_OF(rows, "tpqr", NULL);
	ROWS_OF(forced, "qr", NULL);
}

static void thoughts(void)
{
	static const struct think_tags tags = {STR("<think>"), STR("</think>"), false};
	static const struct think_tags from_start = {STR("<think>"), STR("</think>"), true};
	static const struct row rows[] = {
	    {NULL, TEXT("<think>secret</think>Hello") END("stop"), "|R:secret|T:Hello|stop 0/0/1/0"},
	    {NULL,
	     TEXT("\\n<th") TEXT("ink>\\nse") TEXT("cret</t") TEXT("hink>\\n\\nHel") TEXT("lo</think>") END("stop"),
	     "|R:secret|T:Hello</think>|stop 0/0/5/0"},
	    {NULL, TEXT("a < b <thin") END("stop"), "|T:a < b <thin|stop 0/0/1/0"},
	    {NULL, TEXT("<<think>a</</think>b") END("stop"), "|T:<|R:a</|T:b|stop 0/0/1/0"},
	    {NULL, TEXT("<think>a") END("length"), "|R:a|length 0/0/1/0"},
	    {two_tools, TEXT("<think>a</think>") CALLS("{\"index\":0," FUNCTION("f", "{}") "}") END("stop"),
	     "|R:a|C0:f()|A0:{}|calls 0/0/2/0"},
	    {FORMAT("{\"type\":\"json_object\"}"), TEXT("<think>a</think>\\n```json\\n{}\\n```") END("stop"),
	     "|R:a|T:{}|stop 0/0/1/0"},
	};
	static const struct row starts[] = {
	    {NULL, TEXT("secret</thi") TEXT("nk>Hello") END("stop"), "|R:secret|T:Hello|stop 0/0/2/0"},
	    {NULL, TEXT("<thi") TEXT("nk>secret</think>Hello") END("stop"), "|R:secret|T:Hello|stop 0/0/2/0"},
	};
	static const struct row off[] = {
	    {NULL, TEXT("<think>a</think>b") END("stop"), "|T:<think>a</think>b|stop 0/0/1/0"},
	};
	ROWS_OF(rows, "tpsr", &tags);
	ROWS_OF(starts, "tpsr", &from_start);
	ROWS(off);
}

/* One JSON object instead of a stream. */
static void whole(void)
{
	static const struct row rows[] = {
	    {NULL,
	     "\xef\xbb\xbf\r\n{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
	     "\"assistant\","
	     "\"reasoning_content\":\"hm\",\"content\":\"a\"},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_"
	     "tokens\":3,"
	     "\"completion_tokens\":2}}\n",
	     "|R:hm|T:a|length 3/0/2/1"},
	    {two_tools,
	     "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":"
	     "\"function\"," FUNCTION("f", "{}") "},{\"id\":\"b\"," FUNCTION("g", "{}") "}]}}]}",
	     "|C0:f(a)|A0:{}|C1:g(b)|A1:{}|calls 0/0/2/0"},
	    {NULL, "{\"error\":{\"message\":\"Insufficient balance\",\"code\":402}}",
	     "|error BAD_REQUEST: The engine of the model 'm' refused the request: Insufficient balance"},
	    {NULL, "{\"error\":{\"message\":\"slow down\",\"code\":\"429\"}}",
	     "|error ENGINE_BUSY: The engine of the model 'm' is at its limit. Please try again later."},
	    {NULL, "[{\"error\":{\"message\":\"x\",\"status\":\"UNAVAILABLE\",\"code\":503}}]",
	     "|error UNAVAILABLE: The engine of the model 'm' is overloaded or down. Please try again later."},
	    {NULL, "{\"object\":\"error\",\"message\":\"maximum context length is 9\",\"code\":400}",
	     "|error CONTEXT_LENGTH: Your input exceeds the context window of the model 'm'. Please shorten the input "
	     "or set "
	     "'truncation' to 'auto'."},
	    {NULL, "{\"detail\":\"no\"}", "|error ENGINE: The engine of the model 'm' failed (HTTP 500)."},
	    {NULL, "{\"choices\":[{\"message\":{\"content\":\"a", "|error ENGINE: The engine's answer was cut off."},
	    {NULL,
	     "\xef\xbb\xbf"
	     "data:{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],\"error\":null}\n\n",
	     "|T:a|stop 0/0/1/0"},
	    {NULL, TEXT("a") "data: {\"object\":\"error\",\"message\":\"x\",\"code\":503}\n\n",
	     "|T:a|error UNAVAILABLE: The engine of the model 'm' is overloaded or down. Please try again later."},
	    {NULL, TEXT("a") "event: error\ndata: out of memory\n\n",
	     "|T:a|error ENGINE: The engine of the model 'm' failed (HTTP 500)."},
	};
	ROWS(rows);
}

static void odd_usage(void)
{
	static const struct row rows[] = {
	    {NULL,
	     TEXT("a") END("stop") USAGE("\"prompt_tokens\":32,\"completion_tokens\":9,\"total_tokens\":135,"
					 "\"completion_tokens_details\":{\"reasoning_tokens\":94}"),
	     "|T:a|stop 32/0/103/94"},
	    {NULL, TEXT("a") END("stop") USAGE("\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":60"),
	     "|T:a|stop 10/0/50/45"},
	    {NULL,
	     TEXT("a") END("stop") USAGE("\"prompt_tokens\":32,\"completion_tokens\":9,"
					 "\"completion_tokens_details\":{\"reasoning_tokens\":94}"),
	     "|T:a|stop 32/0/103/94"},
	    {NULL,
	     TEXT("a") END("stop") USAGE("\"prompt_tokens\":7.0,\"completion_tokens\":\"5\",\"total_tokens\":\"x\""),
	     "|T:a|stop 7/0/5/0"},
	    {NULL,
	     TEXT("a") END("stop") USAGE(
		 "\"prompt_tokens\":7,\"completion_tokens\":null,\"prompt_tokens_details\":{\"cached_tokens\":99}"),
	     "|T:a|stop 7/7/1/0"},
	    {NULL, TEXT("a") END("stop") USAGE("\"prompt_tokens\":7,\"total_tokens\":10"), "|T:a|stop 7/0/3/0"},
	    {NULL, TEXT("a") END("stop") "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n",
	     "|T:a|stop 7/0/2/0"},
	    {NULL,
	     "data: "
	     "{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,"
	     "\"completion_tokens\":2}}\n\n" USAGE("\"prompt_tokens\":null,\"completion_tokens\":null"),
	     "|T:a|stop 7/0/2/0"},
	    {NULL, TEXT("a") END("stop") USAGE("\"prompt_tokens\":-3,\"completion_tokens\":-4,\"total_tokens\":-7"),
	     "|T:a|stop 0/0/1/0"},
	    {NULL, TEXT("a") END("stop") "data: {\"choices\":[],\"usage\":\"many\"}\n\n", "|T:a|stop 0/0/1/0"},
	};
	ROWS(rows);
}

static void finishes(void)
{
	static const struct row rows[] = {
	    {NULL, TEXT("a") END("insufficient_system_resource"),
	     "|T:a|error UNAVAILABLE: The engine ran out of resources in the middle of its answer. Please try again "
	     "later."},
	    {NULL, TEXT("a") END("abort"), "|T:a|error ENGINE: The engine gave up in the middle of its answer."},
	    {NULL, TEXT("a") END("MAX_TOKENS"), "|T:a|length 0/0/1/0"},
	    {NULL, TEXT("a") END("SAFETY"), "|T:a|filter 0/0/1/0"},
	    {NULL, TEXT("a") END("whatever"), "|T:a|stop 0/0/1/0"},
	    {NULL, TEXT("a") DONE, "|T:a|stop 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," FUNCTION("f", "{\\\"x") "}") END("content_filter"),
	     "|C0:f()|A0:{\"x|filter 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0,\"id\":\"a\"}") CALLS("{\"index\":0," ARGS("{") "}") END("content_filter"),
	     "|filter 0/0/2/0"},
	};
	ROWS(rows);
}

#define SIGNED "\"extra_content\":{\"google\":{\"thought_signature\":\"a+/=\"}}"

/* What engines sign is told as it came; of a call that has not begun with its beginning. */
static void marks(void)
{
	static const struct row rows[] = {
	    {two_tools, CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{}") "," SIGNED "}") END("tool_calls"),
	     "|C0:f(a)<{\"call\":{" SIGNED "}}>|A0:{}|calls 0/0/1/0"},
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," SIGNED "}") CALLS("{\"index\":0," FUNCTION("f", "") "}")
		 CALLS("{\"index\":0,\"function\":{\"thought_signature\":\"F\",\"arguments\":\"{}\"}}") END("stop"),
	     "|C0:f(a)<{\"call\":{" SIGNED "},\"function\":{\"thought_signature\":\"F\"}}>|A0:{}|calls 0/0/3/0"},
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{}") "}") CALLS("{\"index\":0," SIGNED "}")
		 CALLS("{\"index\":1,\"id\":\"b\"," FUNCTION("g", "{}") ",\"signature\":\"s\"}") END("stop"),
	     "|C0:f(a)|A0:{}|M0:{\"call\":{" SIGNED "}}|C1:g(b)<{\"call\":{\"signature\":\"s\"}}>|A1:{}|calls 0/0/3/0"},
	    {NULL,
	     CHUNK("{\"reasoning\":\"t\",\"reasoning_details\":[{\"text\":\"t\",\"index\":0}]}")
		 CHUNK("{\"content\":\"a\",\"extra_content\":null,\"thinking_blocks\":[],\"signature\":\"\"}")
		     CHUNK("{\"reasoning_opaque\":\"o\"}") END("stop"),
	     "|R:t|M-1:{\"message\":{\"reasoning_details\":[{\"text\":\"t\",\"index\":0}]}}|T:a|M-1:{\"message\":{\"reasoning_"
	     "opaque\":\"o\"}}|stop 0/0/2/1"},
	    {NULL, "{\"choices\":[{\"message\":{\"content\":\"a\"," SIGNED "},\"finish_reason\":\"stop\"}]}",
	     "|T:a|M-1:{\"message\":{" SIGNED "}}|stop 0/0/1/0"},
	    {NULL, CHUNK("{\"content\":\"a\",\"signature\":\"x\\ud83d\xff\"}") END("stop"),
	     "|T:a|M-1:{\"message\":{\"signature\":\"x\ufffd\ufffd\"}}|stop 0/0/1/0"},
	    {one_at_a_time,
	     CALLS("{\"index\":0," FUNCTION("f", "{}") "},{\"index\":1," FUNCTION("f", "{}") "," SIGNED "}") END("stop"),
	     "|C0:f()|A0:{}|calls 0/0/2/0"},
	};
	ROWS(rows);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"characters cut between deltas", cut_characters},
	    {"names with trimmings, and in pieces", names},
	    {"pieces of calls", pieces},
	    {"tool_choice is enforced", choices},
	    {"fences around JSON", fences},
	    {"think tags", thoughts},
	    {"JSON instead of a stream", whole},
	    {"usage in odd sums", odd_usage},
	    {"finish reasons", finishes},
	    {"what engines sign", marks},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
