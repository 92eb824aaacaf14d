/* chat_same_test.c - chunks that differ from the last one in one string alone. That they make the events of parsed ones
 * is held in every test of a stream (test_stream()), at every cut. */
#include "engine/chat_same.h"

#include "engine/chat_rows_test.h"

#define HEAD "{\"choices\":[{\"delta\":{\"content\":\""
#define TAIL "\"}}]}"

static void strings(void)
{
	static const struct {
		const char *data, *want; /* NULL: it is for the parser */
	} rows[] = {
	    {HEAD "b" TAIL, "b"},
	    {HEAD "a\\n\\\"\\\\\\/\\t\\r\\b\\f." TAIL, "a\n\"\\/\t\r\b\f."},
	    {HEAD "\\\"" TAIL, "\""},
	    {HEAD "\u00e9\U0001F600" TAIL, "\u00e9\U0001F600"},
	    {HEAD "\x7f" TAIL, "\x7f"},
	    {HEAD TAIL, NULL}, /* what an empty string means may depend on others */
	    {HEAD "\\u0041" TAIL, NULL},
	    {HEAD "\\ud83d" TAIL, NULL},
	    {HEAD "\xf0\x9f" TAIL, NULL},
	    {HEAD "\xed\xa0\xbd" TAIL, NULL},
	    {HEAD "a\nb" TAIL, NULL},
	    {HEAD "a\",\"refusal\":\"b" TAIL, NULL},
	    {HEAD "a\\" TAIL, NULL},
	    {HEAD "a\\x" TAIL, NULL},
	    {HEAD "b\"},\"finish_reason\":\"stop\"}]}", NULL},
	    {"{ \"choices\":[{\"delta\":{\"content\":\"b" TAIL, NULL},
	    {"", NULL},
	};
	struct chat_same m = {.p = NULL};
	char room[SAME_ROOM];
	struct str text;
	CHECK(!chat_same_read(&m, S(HEAD "b" TAIL), room, &text));
	chat_same_keep(&m, S(HEAD "x\\\"y" TAIL), sizeof HEAD - 1, ME_REASONING);
	CHECK(m.kind == ME_REASONING);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(chat_same_read(&m, str_of(rows[i].data), room, &text) == (rows[i].want != NULL));
		if (rows[i].want)
			CHECK_STR(text, str_of(rows[i].want));
	}
	chat_same_release(&m);
}

/* A string with escapes has a bound, one without has none. */
static void lengths(void)
{
	struct chat_same m = {.p = NULL};
	struct arena a = {0};
	char room[SAME_ROOM], x[4096];
	struct str text;
	memset(x, 'x', sizeof x);
	chat_same_keep(&m, S(HEAD "x" TAIL), sizeof HEAD - 1, ME_TEXT);
	CHECK(chat_same_read(&m, str_fmt(&a, HEAD "%.*s" TAIL, (int)sizeof x, x), room, &text) && text.n == sizeof x);
	CHECK(chat_same_read(&m, str_fmt(&a, HEAD "%.*s\\n" TAIL, SAME_ROOM - 2, x), room, &text));
	CHECK(text.n == SAME_ROOM - 1);
	CHECK(!chat_same_read(&m, str_fmt(&a, HEAD "%.*s\\n" TAIL, SAME_ROOM - 1, x), room, &text));
	chat_same_keep(&m, str_fmt(&a, "{\"%.*s\":\"y\"}", (int)sizeof x, x), sizeof x + 5, ME_TEXT);
	CHECK(m.p == NULL);
	chat_same_release(&m);
	arena_free(&a);
}

/* Streams whose chunks share much, and mean something else all the same. */
static void streams(void)
{
	static const struct row rows[] = {
	    {NULL, TEXT("a") TEXT("b") TEXT("\\n") TEXT("\\u00e9") TEXT("c") END("stop"),
	     "|T:ab\n\u00e9c|stop 0/0/5/0"},
	    {NULL, TEXT("a") TEXT("\\ud83d") TEXT("\\ude00") TEXT("b") END("stop"), "|T:a\U0001F600b|stop 0/0/4/0"},
	    {NULL, TEXT("a") TEXT("\xf0\x9f") TEXT("\x98\x80") TEXT("b") END("stop"), "|T:a\U0001F600b|stop 0/0/4/0"},
	    {NULL, TEXT("a") TEXT("\xf0\x9f") TEXT("b") END("stop"),
	     "|T:a\xef\xbf\xbd"
	     "b|stop 0/0/3/0"},
	    {NULL, TEXT("a") TEXT("") TEXT("b") END("stop"), "|T:ab|stop 0/0/2/0"},
	    {NULL,
	     TEXT("a") CHUNK("{\"reasoning\":\"b\"}") CHUNK("{\"reasoning\":\"c\"}") TEXT("d") TEXT("e") END("stop"),
	     "|T:a|R:bc|T:de|stop 0/0/5/2"},
	    /* Of two names of one thing the first counts, if it says something. */
	    {NULL,
	     CHUNK("{\"reasoning_content\":\"a\",\"reasoning\":\"x\"}")
		 CHUNK("{\"reasoning_content\":\"b\",\"reasoning\":\"x\"}")
		     CHUNK("{\"reasoning_content\":\"\",\"reasoning\":\"x\"}") END("stop"),
	     "|R:abx|stop 0/0/3/3"},
	    {NULL,
	     CHUNK("{\"content\":\"a\",\"reasoning\":\"r\"}") CHUNK("{\"content\":\"b\",\"reasoning\":\"r\"}")
		 END("stop"),
	     "|T:a|R:r|T:b|R:r|stop 0/0/4/2"},
	    {NULL, TEXT("a") TEXT("b") CHUNK("{\"content\":\"c\",\"refusal\":\"d\"}") TEXT("e") END("stop"),
	     "|T:abc|F:d|T:e|stop 0/0/5/0"},
	    {one_tool,
	     TEXT("a") TEXT("b") CALLS("{\"index\":0,\"id\":\"c1\"," FUNCTION("f", "{}") "}") END("tool_calls"),
	     "|T:ab|C0:f(c1)|A0:{}|calls 0/0/3/0"},
	    {NULL,
	     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n"
	     "data: {\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n",
	     "|T:ab|stop 0/0/2/0"},
	    {NULL,
	     "data: "
	     "{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}"
	     "\n\n"
	     "data: "
	     "{\"choices\":[{\"delta\":{\"content\":\"b\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}"
	     "\n\n"
	     "data: "
	     "{\"choices\":[{\"delta\":{\"content\":\"c\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}"
	     "\n\n" END("stop"),
	     "|T:abc|stop 3/0/2/0"},
	    {NULL, TEXT("a") TEXT("b") "data: {\"error\":{\"message\":\"x\"}}\n\n",
	     "|T:ab|error ENGINE: The engine of the model 'm' failed (HTTP 500)."},
	    {NULL, TEXT("a") TEXT("b") TEXT("c\",x") END("stop"),
	     "|T:ab|error ENGINE: The engine sent something in its stream that is not JSON."},
	};
	ROWS(rows);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"strings", strings},
	    {"lengths", lengths},
	    {"streams", streams},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
