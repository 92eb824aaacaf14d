/* chat_rows_test.h - streams as rows: what comes in, and the events that come of it, at every cut. */
#pragma once
#include "engine/chat_test.h"

/* A test names its chunks by their choice: delta, then finish_reason. */
#define CHUNK(delta) "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}\n\n"
#define END(reason) "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}\n\n"
#define USAGE(members) "data: {\"choices\":[],\"usage\":{" members "}}\n\n"
#define DONE "data: [DONE]\n\n"
#define TEXT(t) CHUNK("{\"content\":\"" t "\"}")
#define CALLS(list) CHUNK("{\"tool_calls\":[" list "]}")
#define FUNCTION(name, args) "\"function\":{\"name\":\"" name "\",\"arguments\":\"" args "\"}"
#define ARGS(args) "\"function\":{\"arguments\":\"" args "\"}"

static const char two_tools[] =
    "\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":null,\"strict\":false},"
    "{\"type\":\"function\",\"name\":\"g\",\"parameters\":null,\"strict\":false}]";
static const char one_tool[] =
    "\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":null,\"strict\":false}]";
static const char weather_tool[] =
    "\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"get_weather\",\"parameters\":null,\"strict\":false},"
    "{\"type\":\"function\",\"name\":\"other\",\"parameters\":null,\"strict\":false}]";
static const char one_at_a_time[] =
    "\"input\":\"x\",\"parallel_tool_calls\":false,\"tools\":[{\"type\":\"function\",\"name\":\"f\","
    "\"parameters\":null,\"strict\":false}]";

struct row {
	const char *members, *in, *want;
};

/* Each stream at every split and byte by byte, with LF and with CRLF. */
static void check_rows_of(const struct row *rows, size_t n, const char *letters, const struct think_tags *think)
{
	for (size_t i = 0; i < n; i++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps(letters);
		struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1, .think = think};
		struct prompt p;
		struct err e;
		struct str in = str_of(rows[i].in);
		CHECK(test_prompt(&a, rows[i].members ? rows[i].members : "\"input\":\"x\"", &p, &e));
		for (size_t cut = 0; cut <= in.n && !test_failed; cut++)
			CHECK_STR(test_stream(&a, &p, &o, in, cut, false), str_of(rows[i].want));
		arena_free(&a);
	}
}
#define ROWS_OF(rows, letters, think) check_rows_of(rows, sizeof rows / sizeof *rows, letters, think)
#define ROWS(rows) ROWS_OF(rows, "tpsr", NULL)
