/* forced_test.c - tool calls by JSON schema: what is asked, and what comes back at every split. */
#include "engine/chat_test.h"
#include "engine/forced.h"

#define TOOLS                                                                                                          \
	"\"input\":\"q\",\"tools\":[{\"type\":\"function\",\"name\":\"get_weather\",\"description\":\"The "            \
	"weather\",\"strict\":false,"                                                                                  \
	"\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"A "       \
	"city\"},\"unit\":{"                                                                                           \
	"\"type\":\"string\",\"enum\":[\"c\",\"f\"]},\"days\":{\"type\":\"integer\"}},\"required\":[\"city\"]}},{"     \
	"\"type\":\"function\","                                                                                       \
	"\"name\":\"now\",\"strict\":false,\"parameters\":null}]"

static struct str system_of(struct arena *a, struct str body)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	json_parse(a, body, &v, &e);
	return json_str(json_get(yyjson_arr_get_first(json_get(v, S("messages"))), S("content")));
}

static struct str schema_of(struct arena *a, struct str body)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	json_parse(a, body, &v, &e);
	v = json_get(json_get(v, S("response_format")), S("json_schema"));
	return v ? json_text(a, json_get(v, S("schema"))) : S("none");
}

static void asked(void)
{
	static const struct {
		const char *members, *system, *schema;
	} rows[] = {
	    {TOOLS ",\"parallel_tool_calls\":false",
	     "You can use these functions:\n"
	     "{\"name\": \"none\", \"answer\": \"Your answer.\"}: Chat, knowledge, jokes, writing\n"
	     "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"A city\", \"unit\": \"c|f\", \"days\": 0}}: The "
	     "weather\n"
	     "{\"name\": \"now\", \"arguments\": {}}\n"
	     "\nReply with one of them as JSON.",
	     "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"get_weather\"},\"arguments\":{"
	     "\"type\":\"object\","
	     "\"properties\":{\"city\":{\"type\":\"string\",\"description\":\"A "
	     "city\"},\"unit\":{\"type\":\"string\",\"enum\":[\"c\",\"f\"]}"
	     ",\"days\":{\"type\":\"integer\"}},\"required\":[\"city\"]}},\"required\":[\"name\",\"arguments\"],"
	     "\"additionalProperties\":false},{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"now\"},"
	     "\"arguments\":{\"type\":"
	     "\"object\",\"properties\":{}}},\"required\":[\"name\",\"arguments\"],\"additionalProperties\":false},{\"type\":\"object\","
	     "\"properties\":{"
	     "\"name\":{\"const\":\"none\"},\"answer\":{\"type\":\"string\"}},\"required\":[\"name\",\"answer\"],"
	     "\"additionalProperties\":false}]}"},
	    /* Named: that one, nothing else. */
	    {TOOLS ",\"tool_choice\":{\"type\":\"function\",\"name\":\"now\"}",
	     "You can use these functions:\n{\"name\": \"now\", \"arguments\": {}}\n\nReply with one of them as JSON.",
	     "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"now\"},\"arguments\":{\"type\":"
	     "\"object\",\"properties\":{}}},"
	     "\"required\":[\"name\",\"arguments\"],\"additionalProperties\":false}]}"},
	    {TOOLS ",\"tool_choice\":\"none\"", "q", "none"},
	    /* References move with their schema; a function may be called "none"; several calls; a schema for the
	       answer. */
	    {"\"input\":\"q\",\"tools\":[{\"type\":\"function\",\"name\":\"none\",\"strict\":false,\"parameters\":{"
	     "\"type\":\"object\","
	     "\"properties\":{\"n\":{\"$ref\":\"#/$defs/"
	     "N\"},\"r\":{\"$ref\":\"#\"}},\"$defs\":{\"N\":{\"type\":\"integer\"}}}}],"
	     "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\",\"schema\":{\"type\":\"object\"}}}",
	     "You can use these functions:\n"
	     "{\"name\": \"no_function\", \"answer\": ...}: Answer, in JSON that fits the schema "
	     "{\"type\":\"object\"}\n"
	     "{\"name\": \"none\", \"arguments\": {\"n\": \"...\", \"r\": \"...\"}}\n"
	     "\nReply with one of them as JSON.",
	     "{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"none\"},\"arguments\":{\"$ref\":"
	     "\"#/$defs/f0\"}},"
	     "\"required\":[\"name\",\"arguments\"],\"additionalProperties\":false},{\"type\":\"object\","
	     "\"properties\":{\"calls\":{\"type\":"
	     "\"array\",\"items\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"name\":{\"const\":\"none\"},"
	     "\"arguments\":{\"$ref\":"
	     "\"#/$defs/"
	     "f0\"}},\"required\":[\"name\",\"arguments\"],\"additionalProperties\":false}]},\"minItems\":1,"
	     "\"maxItems\":8}},"
	     "\"required\":[\"calls\"],\"additionalProperties\":false},{\"type\":\"object\",\"properties\":{\"name\":{"
	     "\"const\":"
	     "\"no_function\"},\"answer\":{\"type\":\"object\"}},\"required\":[\"name\",\"answer\"],"
	     "\"additionalProperties\":false}],"
	     "\"$defs\":{\"f0\":{\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"#/$defs/f0/$defs/"
	     "N\"},\"r\":{\"$ref\":"
	     "\"#/$defs/f0\"}},\"$defs\":{\"N\":{\"type\":\"integer\"}}}}}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps("sr");
		struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1};
		struct prompt p;
		struct err e;
		CHECK(test_prompt(&a, rows[i].members, &p, &e));
		struct str body = test_render(&a, &p, &o);
		CHECK_STR(system_of(&a, body), str_of(rows[i].system));
		CHECK_STR(schema_of(&a, body), str_of(rows[i].schema));
		arena_free(&a);
	}
}

/* A tiny model answers after a result; a demanded call stays demanded. */
static void after_a_result(void)
{
	static const char history[] =
	    "\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":"
	    "\"now\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"r\"}%s],"
	    "\"tools\":[{\"type\":\"function\",\"name\":\"now\",\"strict\":false,\"parameters\":null}]%s";
	static const struct {
		bool small;
		const char *more, *choice;
		bool forced;
	} rows[] = {
	    {true, "", "", false},
	    {false, "", "", true},
	    {true, "", ",\"tool_choice\":\"required\"", true},
	    {true, ",{\"role\":\"user\",\"content\":\"b\"}", "", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps("sr");
		struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1, .small = rows[i].small};
		struct prompt p;
		struct err e;
		struct buf b;
		buf_init(&b, 4096);
		struct str head = str_cut(&(struct str){history, strlen(history)}, '%');
		buf_add(&b, head);
		buf_add(&b, str_of(rows[i].more));
		buf_add(&b, (struct str){history + head.n + 2, strlen(history) - head.n - 4});
		buf_add(&b, str_of(rows[i].choice));
		CHECK(test_prompt(&a, str_copy(&a, buf_str(&b)).p, &p, &e));
		CHECK_STR(str_of(e.msg), S(""));
		CHECK((forced_choose(&a, &o, &p).n > 0) == rows[i].forced);
		buf_release(&b);
		arena_free(&a);
	}
}

/* The model's output as one text delta a byte, then its end. */
static struct str stream_of(struct arena *a, const char *output, const char *finish)
{
	struct buf b;
	struct jout o = {.b = &b};
	size_t n = strlen(output);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < n;) {
		size_t len = 1;
		while (i + len < n && ((unsigned char)output[i + len] & 0xc0) == 0x80)
			len++;
		o.comma = false;
		buf_add(&b, S("data: {\"choices\":[{\"delta\":{\"content\":"));
		jo_str(&o, (struct str){output + i, len});
		buf_add(&b, S("}}]}\n\n"));
		i += len;
	}
	buf_fmt(&b,
		"data: "
		"{\"choices\":[{\"delta\":{},\"finish_reason\":\"%s\"}],\"usage\":{\"prompt_tokens\":1,\"completion_"
		"tokens\":2}}\n\n",
		finish);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* The output whole in one delta. */
static struct str chunk_of(struct arena *a, const char *output, const char *finish)
{
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, 1 << 20);
	buf_add(&b, S("data: {\"choices\":[{\"delta\":{\"content\":"));
	jo_str(&o, str_of(output));
	buf_fmt(&b, "},\"finish_reason\":\"%s\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
		finish);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

#define ONE_CALL ",\"parallel_tool_calls\":false"
#define REQUIRED ",\"tool_choice\":\"required\""
#define SCHEMA ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\",\"schema\":{\"type\":\"object\"}}}"

static void read_back(void)
{
	static const struct {
		const char *members, *output, *finish, *want;
	} rows[] = {
	    {"", "{\"name\": \"now\", \"arguments\": {\"x\": [1, \"}\"]}}", "stop",
	     "|C0:now()|A0:{\"x\":[1,\"}\"]}|calls 1/0/2/0"},
	    {"", "\n {\n \"name\" : \"none\" ,\n \"answer\" : \"Hi \\\"there\\\"\\n\\u00e9\\ud83d\\ude00 \u00e9\" }\n",
	     "stop", "|T:Hi \"there\"\n\u00e9\U0001F600 \u00e9|stop 1/0/2/0"},
	    {"", "{\"answer\":\"x\"}", "stop", "|T:x|stop 1/0/2/0"},
	    {"", "{\"answer\":\"lone \\ud83d half\"}", "stop", "|T:lone \xef\xbf\xbd half|stop 1/0/2/0"},
	    {"", "{\"answer\":\"\\ud83d\\n\\ud83d\\u0041\\ud83d\"}", "stop",
	     "|T:\xef\xbf\xbd\n\xef\xbf\xbd"
	     "A\xef\xbf\xbd|stop 1/0/2/0"},
	    {"",
	     "{\"calls\":[{\"name\":\"now\",\"arguments\":{}},{\"name\":\"get_weather\",\"arguments\":{\"city\":\"P\"}}"
	     "]}",
	     "stop", "|C0:now()|A0:{}|C1:get_weather()|A1:{\"city\":\"P\"}|calls 1/0/2/0"},
	    {ONE_CALL, "{\"calls\":[{\"name\":\"now\",\"arguments\":{}},{\"name\":\"now\",\"arguments\":{}}]}", "stop",
	     "|C0:now()|A0:{}|calls 1/0/2/0"},
	    {SCHEMA, "{\"name\": \"none\", \"answer\": {\"a\": [\"}\", {}]} }", "stop",
	     "|T:{\"a\": [\"}\", {}]}|stop 1/0/2/0"},
	    {SCHEMA, "{\"name\": \"none\", \"answer\": 12 }", "stop", "|T:12|stop 1/0/2/0"},
	    /* Arguments that contain our own words. */
	    {"", "{\"name\":\"now\",\"arguments\":{\"answer\":\"x\",\"calls\":[{}]}}", "stop",
	     "|C0:now()|A0:{\"answer\":\"x\",\"calls\":[{}]}|calls 1/0/2/0"},
	    /* Cut: whole calls and text so far, never half a call. */
	    {"", "{\"name\":\"now\",\"arguments\":{\"x\":1}", "length", "|length 1/0/2/0"},
	    {"", "{\"calls\":[{\"name\":\"now\",\"arguments\":{}},{\"name\":\"no", "length",
	     "|C0:now()|A0:{}|length 1/0/2/0"},
	    {"", "{\"name\":\"none\",\"answer\":\"Hal\\u00", "length", "|T:Hal|length 1/0/2/0"},
	    {"", "{\"na", "length", "|length 1/0/2/0"},
	    {"", "{\"name\":\"now\",\"arguments\":{\"x\":1}", "stop",
	     "|error ENGINE: The model stopped in the middle of a function call."},
	    /* An engine that does not keep to the schema. */
	    {"", "Just text {\"name\":1}", "stop", "|T:Just text {\"name\":1}|stop 1/0/2/0"},
	    {"", "{\"name\":\"other\",\"arguments\":{}}", "stop",
	     "|T:{\"name\":\"other\",\"arguments\":{}}|stop 1/0/2/0"},
	    {"", "{\"x\":{\"answer\":1}}", "stop", "|T:{\"x\":{\"answer\":1}}|stop 1/0/2/0"},
	    {REQUIRED, "Just text", "stop",
	     "|T:Just text|error ENGINE: The model made no function call although 'tool_choice' demands one."},
	    {REQUIRED, "", "length", "|length 1/0/2/0"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps("sr");
		struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1};
		struct prompt p;
		struct err e;
		CHECK(test_prompt(&a, str_fmt(&a, "%s%s", TOOLS, rows[i].members).p, &p, &e));
		CHECK_STR(test_stream(&a, &p, &o, stream_of(&a, rows[i].output, rows[i].finish), 9, false),
			  str_of(rows[i].want));
		CHECK_STR(test_stream(&a, &p, &o, chunk_of(&a, rows[i].output, rows[i].finish), 9, false),
			  str_of(rows[i].want));
		arena_free(&a);
	}
}

static void too_long(void)
{
	struct arena a = {0};
	struct forced_set set = {.several = true};
	struct prompt p = {0};
	struct seen seen = {.kind = -1};
	struct forced f;
	struct err e = {0};
	char piece[4096];
	bool ok = true;
	memset(piece, 'x', sizeof piece);
	set.p = &p;
	buf_init(&seen.b, 1 << 20);
	forced_init(&f, &a, &set, seen_event, &seen);
	CHECK(forced_feed(&f, S("{\"name\":\""), &e));
	for (int i = 0; i < 300 && ok; i++)
		ok = forced_feed(&f, (struct str){piece, sizeof piece}, &e);
	CHECK(!ok);
	CHECK(e.code == ERR_ENGINE);
	forced_release(&f);
	buf_release(&seen.b);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"what the model is told and held to", asked},
	    {"a tiny model answers after a result", after_a_result},
	    {"its output becomes calls and text", read_back},
	    {"a call without end", too_long},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
