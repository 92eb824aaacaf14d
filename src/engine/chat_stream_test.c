/* chat_stream_test.c - streams of many engines, cut at every place. */
#include "engine/chat_rows_test.h"

static void texts(void)
{
	static const struct row rows[] = {
	    {NULL, TEXT("Hel") TEXT("lo") END("stop") USAGE("\"prompt_tokens\":3,\"completion_tokens\":2") DONE,
	     "|T:Hello|stop 3/0/2/0"},
	    /* CRLF, comments, empty data, no [DONE], a last event without its empty line. */
	    {NULL,
	     ": ping\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\ndata:\r\n\r\n"
	     "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
	     "|T:a|stop 0/0/1/0"},
	    {NULL, TEXT("a") DONE TEXT("b"), "|T:a|stop 0/0/1/0"},
	    {NULL, TEXT("a") END("length") DONE, "|T:a|length 0/0/1/0"},
	    {NULL, TEXT("a") END("content_filter") DONE, "|T:a|filter 0/0/1/0"},
	    {NULL, TEXT("a") END("eos") DONE, "|T:a|stop 0/0/1/0"},
	    {NULL, CHUNK("{\"refusal\":\"I can't\"}") END("stop"), "|F:I can't|stop 0/0/1/0"},
	    {NULL,
	     CHUNK("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":null}") TEXT("\\u00e9\\n\\ud83d\\ude00")
		 END("stop"),
	     "|T:\u00e9\n\U0001F600|stop 0/0/1/0"},
	    /* A whole answer in one chunk; parts instead of a string; another choice, which is not ours. */
	    {NULL, "data: {\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
	     "|T:a|stop 0/0/1/0"},
	    {NULL,
	     CHUNK("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]},{\"type\":"
		   "\"text\","
		   "\"text\":\"a\"}]}") END("stop"),
	     "|R:hm|T:a|stop 0/0/2/1"},
	    {NULL,
	     "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n" TEXT(
		 "a") END("stop"),
	     "|T:a|stop 0/0/1/0"},
	    {NULL, END("stop"), "|stop 0/0/0/0"},
	};
	ROWS(rows);
}

static void usage(void)
{
	static const struct row rows[] = {
	    {NULL,
	     TEXT("a") END("stop")
		 USAGE("\"prompt_tokens\":9,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":7},"
		       "\"completion_tokens_details\":{\"reasoning_tokens\":4}") DONE,
	     "|T:a|stop 9/7/5/4"},
	    /* Reasoning is counted by us, and is never more than the output. */
	    {NULL,
	     CHUNK("{\"reasoning_content\":\"x\"}") CHUNK("{\"reasoning\":\"y\"}") TEXT("a") END("stop")
		 USAGE("\"prompt_tokens\":9,\"completion_tokens\":3,\"prompt_tokens_details\":null"),
	     "|R:xy|T:a|stop 9/0/3/2"},
	    {NULL,
	     CHUNK("{\"reasoning_content\":\"x\",\"reasoning\":\"x\"}") CHUNK("{\"reasoning\":\"y\"}") END("stop")
		 USAGE("\"prompt_tokens\":-9,\"completion_tokens\":1"),
	     "|R:xy|stop 0/0/1/1"},
	    /* In every chunk: the last one counts. */
	    {NULL,
	     "data: "
	     "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}"
	     "\n\n"
	     "data: "
	     "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_"
	     "tokens\":2}}\n\n",
	     "|T:a|stop 3/0/2/0"},
	};
	ROWS(rows);
}

static void calls(void)
{
	static const struct row rows[] = {
	    /* OpenAI's and llama.cpp's pieces. */
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\",\"type\":\"function\"," FUNCTION("f", "") "}")
		 CALLS("{\"index\":0," ARGS("{\\\"x\\\":") "}") CALLS("{\"index\":0," ARGS("1}") "}")
		     CALLS("{\"index\":1,\"id\":\"b\"," FUNCTION("g", "{}") "}") END("tool_calls"),
	     "|C0:f(a)|A0:{\"x\":1}|C1:g(b)|A1:{}|calls 0/0/4/0"},
	    /* Two in one chunk, then their pieces in turn. */
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{") "},{\"index\":1,\"id\":\"b\"," FUNCTION(
		 "g", "{") "}") CALLS("{\"index\":1," ARGS("}") "}") CALLS("{\"index\":0," ARGS("}") "}") END("stop"),
	     "|C0:f(a)|A0:{|C1:g(b)|A1:{}|A0:}|calls 0/0/4/0"},
	    /* Whole calls without an index, with ids, without ids, and all with one id. */
	    {two_tools,
	     CALLS("{\"id\":\"a\"," FUNCTION("f", "{}") "}") CALLS("{\"id\":\"b\"," FUNCTION("f", "{}") "}")
		 END("stop"),
	     "|C0:f(a)|A0:{}|C1:f(b)|A1:{}|calls 0/0/2/0"},
	    {two_tools, CALLS("{" FUNCTION("f", "{}") "},{" FUNCTION("g", "{}") "}") END("stop"),
	     "|C0:f()|A0:{}|C1:g()|A1:{}|calls 0/0/2/0"},
	    {two_tools,
	     CALLS("{\"id\":\"a\"," FUNCTION("f", "{}") "}") CALLS("{\"id\":\"a\"," FUNCTION("g", "{}") "}")
		 END("stop"),
	     "|C0:f(a)|A0:{}|C1:g(a)|A1:{}|calls 0/0/2/0"},
	    /* All of them at index 0, told apart by their ids. */
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{}") "}")
		 CALLS("{\"index\":0,\"id\":\"b\"," FUNCTION("g", "{}") "}") END("stop"),
	     "|C0:f(a)|A0:{}|C1:g(b)|A1:{}|calls 0/0/2/0"},
	    /* Name and id again in every piece; ids that change, without a name. */
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{\\\"x\\\"") "}")
		 CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", ":1}") "}")
		     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "") "}") END("tool_calls"),
	     "|C0:f(a)|A0:{\"x\":1}|calls 0/0/3/0"},
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{") "}")
		 CALLS("{\"index\":0,\"id\":\"z\"," ARGS("}") "}") END("tool_calls"),
	     "|C0:f(a)|A0:{}|calls 0/0/2/0"},
	    /* The name comes late; arguments are an object, or never come. */
	    {two_tools,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("", "{\\\"x\\\"") "}")
		 CALLS("{\"index\":0," FUNCTION("f", ":1}") "}") END("stop"),
	     "|C0:f(a)|A0:{\"x\":1}|calls 0/0/2/0"},
	    {two_tools, CALLS("{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":[1,{\"y\":\"}\"}]}}}") END("stop"),
	     "|C0:f()|A0:{\"x\":[1,{\"y\":\"}\"}]}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0,\"function\":{\"name\":\"f\"}}") END("tool_calls"),
	     "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {one_tool, CALLS("{\"index\":0," ARGS("{}") "}") END("tool_calls"), "|C0:f()|A0:{}|calls 0/0/1/0"},
	    {two_tools, CALLS("{\"index\":0," ARGS("{}") "}") END("tool_calls"),
	     "|error ENGINE: The engine sent a function call without a name."},
	    /* The old form. */
	    {two_tools,
	     CHUNK("{\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}}")
		 CHUNK("{\"function_call\":{\"arguments\":\"{}\"}}") END("function_call"),
	     "|C0:f()|A0:{}|calls 0/0/2/0"},
	    /* One at most. */
	    {one_at_a_time,
	     CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{}") "},{\"index\":1,\"id\":\"b\"," FUNCTION(
		 "f", "{}") "}") END("tool_calls"),
	     "|C0:f(a)|A0:{}|calls 0/0/2/0"},
	    /* Cut by the limit: what came, and no more. */
	    {two_tools, CALLS("{\"index\":0,\"id\":\"a\"," FUNCTION("f", "{\\\"x") "}") END("length"),
	     "|C0:f(a)|A0:{\"x|length 0/0/1/0"},
	    {two_tools, TEXT("a") END("tool_calls"), "|T:a|stop 0/0/1/0"},
	};
	ROWS(rows);
}

static void failures(void)
{
	static const struct row rows[] = {
	    {NULL, "", "|error ENGINE: The engine's answer was cut off."},
	    {NULL, TEXT("a"), "|T:a|error ENGINE: The engine's answer was cut off."},
	    {NULL, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"sto",
	     "|error ENGINE: The engine sent something in "
	     "its stream that is not JSON."},
	    {NULL, TEXT("a") "data: {nonsense\n\n" END("stop"),
	     "|T:a|error ENGINE: The engine sent something in its stream that is not JSON."},
	    {NULL, "data: [1]\n\n", "|error ENGINE: The engine's stream is not that of Chat Completions."},
	    {NULL, "data: {\"choices\":7}\n\n", "|error ENGINE: The engine's stream is not that of Chat Completions."},
	    {NULL,
	     TEXT("a") "data: {\"error\":{\"message\":\"CUDA error at "
		       "/src/ggml.cu:12\",\"type\":\"server_error\",\"code\":500}}\n\n",
	     "|T:a|error ENGINE: The engine of the model 'm' failed (HTTP 500)."},
	    {NULL, TEXT("a") "event: error\ndata: {\"message\":\"out of memory\"}\n\n",
	     "|T:a|error ENGINE: The engine of the model 'm' failed (HTTP 500)."},
	    {NULL,
	     TEXT("a") "data: {\"error\":{\"code\":400,\"message\":\"too "
		       "long\",\"type\":\"exceed_context_size_error\",\"n_ctx\":4096}}\n\n",
	     "|T:a|error CONTEXT_LENGTH: Your input exceeds the context window of 4096 tokens of the model 'm'. Please "
	     "shorten the "
	     "input or set 'truncation' to 'auto'."},
	    {NULL, TEXT("a") END("error"), "|T:a|error ENGINE: The engine gave up in the middle of its answer."},
	};
	ROWS(rows);
}

static void recordings(void)
{
	static const struct {
		const char *file, *caps, *members, *want;
	} rows[] = {
	    {"text.sse", "sr", "\"input\":\"x\"", "|T:The capital of France is Paris.|stop 34/21/8/0"},
	    {"length.sse", "sr", "\"input\":\"x\"",
	     "|T:The story of a young woman named Aria who was a talented and passionate artist|length 31/21/16/0"},
	    {"schema.sse", "sr", "\"input\":\"x\"", "|T:{\n  \"name\": \"Sylvie\",\n  \"age\": 25\n}|stop 30/21/22/0"},
	    {"forced_call.sse", "sr",
	     "\"input\":\"x\",\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\",\"name\":\"get_weather\","
	     "\"parameters\":null,"
	     "\"strict\":false}]",
	     "|C0:get_weather()|A0:{\"city\":\"Paris\",\"unit\":\"c\"}|calls 87/86/28/0"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps(rows[i].caps);
		struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1};
		struct prompt p;
		struct err e;
		struct str in = test_file(&a, str_fmt(&a, TEST_DATA "/engine/%s", rows[i].file).p);
		CHECK(in.n > 0);
		CHECK(test_prompt(&a, rows[i].members, &p, &e));
		for (size_t cut = 0; cut <= in.n && !test_failed; cut += cut < 300 ? 1 : 97)
			CHECK_STR(test_stream(&a, &p, &o, in, cut, false), str_of(rows[i].want));
		arena_free(&a);
	}
}

static void logprobs(void)
{
	struct arena a = {0};
	struct engine_caps caps = test_caps("sr");
	struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1};
	struct prompt p;
	struct err e;
	CHECK(test_prompt(&a, "\"input\":\"x\"", &p, &e));
	struct str got = test_stream(&a, &p, &o, test_file(&a, TEST_DATA "/engine/logprobs.sse"), 0, true);
	CHECK(str_starts(
	    got,
	    S("|T:The<[{\"token\":\"The\",\"bytes\":[84,104,101],\"logprob\":-0.9774031043052673,\"top_logprobs\":[{"
	      "\"token\":\"The\",\"bytes\":[84,104,101],\"logprob\":-0.9774031043052673},{\"token\":\"La\",\"bytes\":["
	      "76,"
	      "97],\"logprob\":-2.2419636249542236}]}]> capital<[{\"token\":\" capital\",")));
	/* No bytes, no candidates, a probability of zero. */
	got = test_stream(
	    &a, &p, &o,
	    S("data: "
	      "{\"choices\":[{\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":"
	      "-Infinity}]},\"finish_reason\":\"stop\"}]}\n\n"),
	    1, true);
	CHECK_STR(got,
		  S("|T:a<[{\"token\":\"a\",\"bytes\":[97],\"logprob\":-9999.0,\"top_logprobs\":[]}]>|stop 0/0/1/0"));
	/* Half a character; bytes that are null. */
	got = test_stream(&a, &p, &o,
			  S("data: {\"choices\":[{\"delta\":{\"content\":\"\xf0\x9f\"},\"logprobs\":{\"content\":[{\"token\":"
			    "\"\xf0\x9f\",\"bytes\":null,\"logprob\":-1.0}]}}]}\n\n"
			    "data: {\"choices\":[{\"delta\":{\"content\":\"\x98\x80\"},\"logprobs\":{\"content\":[{\"token\":"
			    "\"\x98\x80\",\"bytes\":[152,128],\"logprob\":-2.0}]},\"finish_reason\":\"stop\"}]}\n\n"),
			  1, true);
	CHECK_STR(got, S("|T:\U0001F600<[{\"token\":\"\ufffd\",\"bytes\":[240,159],\"logprob\":-1.0,\"top_logprobs\":[]},"
			 "{\"token\":\"\ufffd\ufffd\",\"bytes\":[152,128],\"logprob\":-2.0,\"top_logprobs\":[]}]>|stop "
			 "0/0/2/0"));
	arena_free(&a);
}

/* An event over the bound, and JSON as deep as a line can be: failures, not crashes. */
static void bounds(void)
{
	struct arena a = {0};
	struct engine_caps caps = test_caps("tsr");
	struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1};
	struct prompt p;
	struct err e;
	size_t n = 300000, big = 1 << 20;
	struct buf b;
	CHECK(test_prompt(&a, two_tools, &p, &e));
	buf_init(&b, 32 << 20);
	buf_add(
	    &b,
	    S("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":"));
	for (size_t i = 0; i < n; i++)
		buf_byte(&b, '[');
	for (size_t i = 0; i < n; i++)
		buf_byte(&b, ']');
	buf_add(&b, S("}}}]},\"finish_reason\":\"stop\"}]}\n\n"));
	CHECK(str_starts(test_stream(&a, &p, &o, buf_str(&b), 7, false), S("|C0:f()|A0:{\"x\":[[[[")));
	buf_clear(&b);
	buf_add(&b, S("data: {\"choices\":[{\"delta\":{\"content\":\""));
	memset(buf_room(&b, big), 'x', big);
	b.n += big;
	buf_add(&b, S("\"},\"finish_reason\":\"stop\"}]}\n\n"));
	CHECK(str_starts(test_stream(&a, &p, &o, buf_str(&b), 7, false), S("|error ENGINE: ")));
	buf_release(&b);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"text, refusal, reasoning, finish reasons", texts},
	    {"usage", usage},
	    {"calls, as engines send them", calls},
	    {"what is no answer", failures},
	    {"recordings of the default engine", recordings},
	    {"log probabilities", logprobs},
	    {"bounds", bounds},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
