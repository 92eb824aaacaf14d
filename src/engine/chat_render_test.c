/* chat_render_test.c - request bodies, byte for byte. */
#include "engine/chat_test.h"

/* One case: capabilities, the Responses body's members, what follows {"model":"m","messages": up to
 * ,"stream":true}. */
struct row {
	const char *caps, *members, *want;
};

static struct chat_options options(const struct engine_caps *caps)
{
	static const struct traits mistral = {.of[TRAIT_IDS] = IDS_SHORT};
	return (struct chat_options){.caps = caps, .model = S("m"), .temperature = -1, .slot = -1,
				     .traits = caps->alternates ? &mistral : NULL};
}

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps(rows[i].caps);
		struct chat_options o = options(&caps);
		struct prompt p;
		struct err e;
		CHECK(test_prompt(&a, rows[i].members, &p, &e));
		CHECK_STR(str_of(e.msg), S(""));
		struct str want = str_fmt(&a, "{\"model\":\"m\",\"messages\":%s,\"stream\":true}", rows[i].want);
		CHECK_STR(test_render(&a, &p, &o), want);
		CHECK_STR(test_render(&a, &p, &o), want); /* byte-stable, and the prompt is as it was */
		arena_free(&a);
	}
}
#define ROWS(rows) check_rows(rows, sizeof rows / sizeof *rows)

#define MSG(role, text) "{\"role\":\"" role "\",\"content\":\"" text "\"}"
#define CALL(id) "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}"
#define OUTPUT(id, t) "{\"type\":\"function_call_output\",\"call_id\":\"" id "\",\"output\":\"" t "\"}"
#define PARAMS                                                                                                         \
	"{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"],"                     \
	"\"additionalProperties\":false}"
#define TOOL(name) "{\"type\":\"function\",\"name\":\"" name "\",\"description\":\"d\",\"parameters\":" PARAMS "}"
#define PNG "data:image/png;base64,eA=="

#define ID1 "call_1"
#define ID2 "call_2"
#define SHORT1 "9gD2Dimct" /* its hash, for templates like Mistral's */
#define CALLED(id)                                                                                                     \
	"{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}"

static void conversations(void)
{
	static const struct row rows[] = {
	    {"tsr", "\"input\":\"hi\"", "[" MSG("user", "hi") "]"},
	    {"tsr",
	     "\"instructions\":\"s\",\"input\":[" MSG("user", "a") "," MSG("developer", "d") "," MSG("user", "b") "]",
	     "[" MSG("system", "s\\n\\nd") "," MSG("user", "a\\n\\nb") "]"},
	    {"tsr",
	     "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},"
	     "{\"type\":\"input_text\",\"text\":\"b\"}]}]",
	     "[" MSG("user", "a\\nb") "]"},
	    /* A missing first turn, a missing last one, no turn at all. */
	    {"tsr", "\"input\":[" MSG("assistant", "hello") "," MSG("user", "a") "]",
	     "[" MSG("user", "Begin.") "," MSG("assistant", "hello") "," MSG("user", "a") "]"},
	    {"tsr", "\"input\":[" MSG("user", "a") "," MSG("assistant", "b") "]",
	     "[" MSG("user", "a") "," MSG("assistant", "b") "," MSG("user", "Continue.") "]"},
	    {"tsr", "\"input\":[" MSG("system", "s") "]", "[" MSG("system", "s") "," MSG("user", "Begin.") "]"},
	    /* No system role: into the first user turn, or as that turn. */
	    {"ts", "\"instructions\":\"s\",\"input\":\"hi\"", "[" MSG("user", "s\\n\\nhi") "]"},
	    {"ts", "\"instructions\":\"s\",\"input\":[" MSG("assistant", "b") "," MSG("user", "a") "]",
	     "[" MSG("user", "s") "," MSG("assistant", "b") "," MSG("user", "a") "]"},
	    {"tsv",
	     "\"instructions\":\"s\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_"
	     "url\":\"" PNG "\",\"detail\":\"low\"}]}]",
	     "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"s\"},{\"type\":\"image_url\",\"image_"
	     "url\":{\"url\":\"" PNG "\",\"detail\":\"low\"}}]}]"},
	    {"tsrv",
	     "\"input\":[" MSG("user", "a") ",{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"b\"},"
					    "{\"type\":\"input_image\",\"image_url\":\"" PNG
					    "\",\"detail\":\"auto\"}]}]",
	     "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"},"
	     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" PNG "\",\"detail\":\"auto\"}}]}]"},
	};
	ROWS(rows);
}

static void calls(void)
{
	static const struct row rows[] = {
	    {"tsr", "\"input\":[" MSG("user", "a") "," CALL("call_1") "," OUTPUT("call_1", "r") "]",
	     "[" MSG("user", "a") ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALLED(
		 ID1) "]},{\"role\":\"tool\",\"tool_call_id\":\"" ID1 "\",\"content\":\"r\"}]"},
	    {"tsr",
	     "\"input\":[" MSG("user", "a") "," MSG("assistant", "t") "," CALL("call_1") "," CALL("call_2") "," OUTPUT(
		 "call_2", "q") "," OUTPUT("call_1", "r") "," MSG("user", "b") "]",
	     "[" MSG("user", "a") ",{\"role\":\"assistant\",\"content\":\"t\",\"tool_calls\":[" CALLED(ID1) "," CALLED(
		 ID2) "]},{\"role\":\"tool\",\"tool_call_id\":\"" ID2
		      "\",\"content\":\"q\"},{\"role\":\"tool\",\"tool_call_id\":\"" ID1
		      "\",\"content\":\"r\"}," MSG("user", "b") "]"},
	    /* A template that counts turns. */
	    {"tsrl",
	     "\"input\":[" MSG("user", "a") "," CALL("call_1") "," OUTPUT("call_1", "r") "," MSG("user", "b") "]",
	     "[" MSG("user", "a") ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALLED(
		 SHORT1) "]},{\"role\":\"tool\",\"tool_call_id\":\"" SHORT1
		      "\",\"content\":\"r\"}," MSG("assistant", "Understood.") "," MSG("user", "b") "]"},
	    /* Reasoning goes with its call. */
	    {"tsr",
	     "\"input\":[" MSG("user",
			       "a") ",{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":\"summary_text\","
				    "\"text\":\"why\"}]}," CALL("call_1") "," OUTPUT("call_1", "r") "]",
	     "[" MSG("user", "a") ",{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"why\",\"tool_"
				  "calls\":[" CALLED(ID1) "]},{\"role\":\"tool\",\"tool_call_id\":\"" ID1
							  "\",\"content\":\"r\"}]"},
	    /* A template without tools: as text. */
	    {"sr", "\"input\":[" MSG("user", "a") "," CALL("call_1") "," OUTPUT("call_1", "r") "," MSG("user", "b") "]",
	     "[" MSG("user", "a") "," MSG(
		 "assistant",
		 "{\\\"name\\\":\\\"f\\\",\\\"arguments\\\":{\\\"x\\\":1}}") "," MSG("user",
										     "Result of f:\\nr\\n\\nb") "]"},
	};
	ROWS(rows);
}

#define TOOL_SENT(name)                                                                                                \
	"{\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"description\":\"d\",\"parameters\":" PARAMS      \
	"}}"
#define HI "[" MSG("user", "hi") "]"

static void tools(void)
{
	static const struct row rows[] = {
	    {"tpsr", "\"input\":\"hi\",\"tools\":[" TOOL("f") "," TOOL("g") "]",
	     HI ",\"tools\":[" TOOL_SENT("f") "," TOOL_SENT(
		 "g") "],\"tool_choice\":\"auto\",\"parallel_tool_calls\":true"},
	    {"tsr", "\"input\":\"hi\",\"tools\":[" TOOL("f") "],\"tool_choice\":\"none\"",
	     HI},
	    {"tpsr",
	     "\"input\":\"hi\",\"tools\":[" TOOL("f") "],\"tool_choice\":\"required\",\"parallel_tool_calls\":false",
	     HI ",\"tools\":[" TOOL_SENT("f") "],\"tool_choice\":\"required\",\"parallel_tool_calls\":false"},
	    {"tpsr",
	     "\"input\":\"hi\",\"tools\":[" TOOL("f") "," TOOL(
		 "g") "],\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"}",
	     HI ",\"tools\":[" TOOL_SENT("g") "],\"tool_choice\":\"required\",\"parallel_tool_calls\":true"},
	};
	ROWS(rows);
}

#define SCHEMA                                                                                                         \
	"{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"],"                     \
	"\"additionalProperties\":false}"

static void formats(void)
{
	static const struct row rows[] = {
	    {"sr",
	     "\"input\":\"hi\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\",\"strict\":true,"
	     "\"schema\":" SCHEMA "}}",
	     HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"s\",\"schema\":" SCHEMA
		",\"strict\":true}}"},
	    {"sr", "\"input\":\"give JSON\",\"text\":{\"format\":{\"type\":\"json_object\"}}",
	     "[" MSG("user", "give JSON") "],\"response_format\":{\"type\":\"json_object\"}"},
	    {"qr",
	     "\"input\":\"hi\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\",\"schema\":{\"type\":"
	     "\"object\"}}}",
	     "[" MSG("system",
		     "Answer with one JSON object and nothing else: no explanation, no code fence. It must fit this "
		     "JSON schema:\\n{\\\"type\\\":\\\"object\\\"}") "," MSG("user", "hi") "]"},
	};
	ROWS(rows);
}

static void sampling(void)
{
	static const struct row rows[] = {
	    {"sr", "\"input\":\"hi\",\"temperature\":0.5,\"top_p\":0.9,\"max_output_tokens\":16",
	     HI ",\"temperature\":0.5,\"top_p\":0.9,\"max_tokens\":16"},
	    {"sr", "\"input\":\"hi\",\"include\":[\"message.output_text.logprobs\"],\"top_logprobs\":2",
	     HI ",\"logprobs\":true,\"top_logprobs\":2"},
	    {"sr", "\"input\":\"hi\",\"top_k\":40,\"seed\":1", HI ",\"top_k\":40,\"seed\":1"},
	    {"sr", "\"input\":\"hi\",\"repetition_penalty\":1.5",
	     HI ",\"repetition_penalty\":1.5,\"repeat_penalty\":1.5"},
	    {"srk", "\"input\":\"hi\",\"reasoning\":{\"effort\":\"none\"}",
	     HI ",\"chat_template_kwargs\":{\"enable_thinking\":false}"},
	    {"sr", "\"input\":\"hi\",\"reasoning\":{\"effort\":\"none\"}", HI},
	    {"srk", "\"input\":\"hi\",\"reasoning\":{\"effort\":\"none\"},\"chat_template_kwargs\":{\"a\":1}",
	     HI ",\"chat_template_kwargs\":{\"a\":1,\"enable_thinking\":false}"},
	    {"srk",
	     "\"input\":\"hi\",\"reasoning\":{\"effort\":\"none\"},\"chat_template_kwargs\":{\"enable_thinking\":true}",
	     HI ",\"chat_template_kwargs\":{\"enable_thinking\":true}"},
	};
	ROWS(rows);
}

static void shims(void)
{
	struct arena a = {0};
	struct engine_caps caps = test_caps("sr");
	struct chat_options o = {.caps = &caps,
				 .model = S("m"),
				 .system = S("be brief"),
				 .temperature = 0,
				 .max_tokens = 1024,
				 .slot = 1,
				 .usage = true};
	struct prompt p;
	struct err e;
	CHECK(test_prompt(&a, "\"input\":\"hi\"", &p, &e));
	CHECK_STR(test_render(&a, &p, &o), S("{\"model\":\"m\",\"messages\":[" MSG("system", "be brief") "," MSG(
					       "user", "hi") "],\"temperature\":0.0,\"max_tokens\":1024,\"stream\":"
							     "true,\"stream_options\":{\"include_usage\":true},"
							     "\"id_slot\":1}"));
	CHECK(test_prompt(&a, "\"instructions\":\"s\",\"input\":\"hi\",\"temperature\":1,\"max_output_tokens\":20", &p,
			  &e));
	CHECK_STR(test_render(&a, &p, &o), S("{\"model\":\"m\",\"messages\":[" MSG("system", "s") "," MSG(
					       "user", "hi") "],\"temperature\":1.0,\"max_tokens\":20,\"stream\":true,"
							     "\"stream_options\":{\"include_usage\":true},"
							     "\"id_slot\":1}"));
	arena_free(&a);
}

/* What a chained turn sends begins with what the turn before sent: the engine's cache goes on from there. */
static void chained_turns_share_their_prefix(void)
{
	static const char *const turns[] = {
	    "\"instructions\":\"s\",\"input\":[" MSG("user", "a") "]",
	    "\"instructions\":\"s\",\"input\":[" MSG("user", "a") "," CALL("call_1") "," OUTPUT("call_1", "r") "]",
	    "\"instructions\":\"s\",\"input\":[" MSG("user", "a") "," CALL("call_1") "," OUTPUT("call_1", "r") "," MSG(
		"assistant", "x") "," MSG("user", "b") "]",
	};
	static const char *const caps_of[] = {"tpsr", "sr", "s"};
	for (size_t c = 0; c < 3; c++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps(caps_of[c]);
		struct chat_options o = options(&caps);
		struct str last = S("{\"model\":\"m\",\"messages\":[");
		for (size_t i = 0; i < 3; i++) {
			struct prompt p;
			struct err e;
			CHECK(test_prompt(&a, turns[i], &p, &e));
			struct str body = test_render(&a, &p, &o);
			CHECK(str_starts(body, last));
			body.n -= strlen("],\"stream\":true}");
			last = body;
		}
		arena_free(&a);
	}
}

/* The message that an engine is told, which made it or did not. */
static void given_back(void)
{
	static const char marks[] = "{\"call\":{\"extra_content\":{\"s\":1}},\"function\":{\"thought_signature\":\"F\"},"
				    "\"message\":{\"reasoning_details\":[{\"text\":\"a\",\"index\":0}]}}";
	static const struct {
		const char *engine, *model, *id;
		unsigned char ids;
		const char *want_id, *thoughts;
		bool signs;
	} rows[] = {
	    {"e", "m", "functions.f:0", IDS_OWN, "functions.f:0", "reasoning", true},
	    {"e", "m", "", IDS_OWN, "call_1", "reasoning", true},
	    {"e", "other", "x", IDS_OWN, "x", "reasoning", false},
	    {"other", "m", "x", IDS_OWN, "call_1", "reasoning_content", false},
	    {"", "", "", IDS_OWN, "call_1", "reasoning", true}, /* a client's own */
	    {"e", "m", "abcDEF789", IDS_SHORT, "abcDEF789", "reasoning", true},
	    {"e", "m", "functions.f:0", IDS_SHORT, "9gD2Dimct", "reasoning", true},
	    {"other", "m", "abcDEF789", IDS_SHORT, "9gD2Dimct", "reasoning_content", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps("tpsr");
		struct chat_options o = options(&caps);
		struct traits traits = {0};
		struct prompt p = {0};
		struct err e = {0};
		struct origin from = {.engine = str_of(rows[i].engine), .model = str_of(rows[i].model), .id = str_of(rows[i].id),
				      .thoughts = S("reasoning")};
		struct prompt_call call = {S("call_1"), S("f"), S("{}"), &from, false};
		traits.of[TRAIT_IDS] = rows[i].ids;
		o.engine = S("e");
		o.traits = &traits;
		CHECK(json_parse(&a, str_of(marks), &from.marks, &e));
		prompt_add_text(&a, prompt_add(&a, &p, ROLE_USER), S("u"));
		struct prompt_message *m = prompt_add(&a, &p, ROLE_ASSISTANT);
		m->calls = &call;
		m->n_calls = 1;
		m->reasoning = S("r");
		prompt_add_origin(&a, m, &from);
		m = prompt_add(&a, &p, ROLE_TOOL);
		m->call_id = S("call_1");
		prompt_add_text(&a, m, S("o"));
		CHECK_STR(test_render(&a, &p, &o),
			  str_fmt(&a,
				  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\","
				  "\"content\":null,\"%s\":\"r\"%s,\"tool_calls\":[{\"id\":\"%s\",\"type\":\"function\",\"function\":"
				  "{\"name\":\"f\",\"arguments\":\"{}\"%s}%s}]},{\"role\":\"tool\",\"tool_call_id\":\"%s\","
				  "\"content\":\"o\"}],\"stream\":true}",
				  rows[i].thoughts,
				  rows[i].signs ? ",\"reasoning_details\":[{\"text\":\"a\",\"index\":0}]" : "", rows[i].want_id,
				  rows[i].signs ? ",\"thought_signature\":\"F\"" : "",
				  rows[i].signs ? ",\"extra_content\":{\"s\":1}" : "", rows[i].want_id));
		arena_free(&a);
	}
}

static void too_large(void)
{
	struct arena a = {0};
	struct engine_caps caps = test_caps("sr");
	struct chat_options o = options(&caps);
	struct prompt p;
	struct err e;
	struct buf b;
	buf_init(&b, 64);
	CHECK(test_prompt(&a, "\"input\":\"a text that does not fit into sixty-four bytes\"", &p, &e));
	CHECK(!chat_render(&a, &p, &o, &b, &e));
	CHECK(e.code == ERR_TOO_LARGE);
	buf_release(&b);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"conversations", conversations},
	    {"calls and their results", calls},
	    {"tools and tool_choice", tools},
	    {"what an engine gets back", given_back},
	    {"text.format", formats},
	    {"sampling and what passes through", sampling},
	    {"defaults where the request is silent", shims},
	    {"chained turns share their prefix", chained_turns_share_their_prefix},
	    {"a body over the buffer's maximum", too_large},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
