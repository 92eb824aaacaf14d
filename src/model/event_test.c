/* event_test.c - each event has its members, in order, as valid JSON. */
#include <string.h>

#include "base/test.h"
#include "model/event.h"

static struct str written(struct buf *b, const struct event *ev)
{
	buf_clear(b);
	event_write(b, ev);
	return buf_str(b);
}

static void orders(void)
{
	const struct err error = {.code = ERR_BAD_REQUEST, .param = "input", .msg = "no \"good\""};
	static const struct {
		struct event ev;
		const char *want;
	} rows[] = {
		{{.type = EV_CREATED, .raw = STR("{\"id\":\"r\"}")},
		 "{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\"}}"},
		{{.type = EV_ITEM_ADDED, .seq = 2, .output_index = 1, .raw = STR("{}")},
		 "{\"type\":\"response.output_item.added\",\"sequence_number\":2,\"output_index\":1,\"item\":{}}"},
		{{.type = EV_TEXT_DELTA, .seq = 1234567890123, .item_id = STR("msg_1"), .text = STR("a\"\n\xc3\xa4")},
		 "{\"type\":\"response.output_text.delta\",\"sequence_number\":1234567890123,\"item_id\":\"msg_1\","
		 "\"output_index\":0,\"content_index\":0,\"delta\":\"a\\\"\\n\xc3\xa4\",\"logprobs\":[]}"},
		{{.type = EV_TEXT_DONE, .item_id = STR("m"), .text = STR("t"), .logprobs = STR("[1]")},
		 "{\"type\":\"response.output_text.done\",\"sequence_number\":0,\"item_id\":\"m\",\"output_index\":0,"
		 "\"content_index\":0,\"text\":\"t\",\"logprobs\":[1]}"},
		{{.type = EV_SUMMARY_TEXT_DELTA, .item_id = STR("rs"), .summary_index = 3, .text = STR("t")},
		 "{\"type\":\"response.reasoning_summary_text.delta\",\"sequence_number\":0,\"item_id\":\"rs\","
		 "\"output_index\":0,\"summary_index\":3,\"delta\":\"t\"}"},
		{{.type = EV_ARGUMENTS_DONE, .item_id = STR("fc"), .text = STR("{}")},
		 "{\"type\":\"response.function_call_arguments.done\",\"sequence_number\":0,\"item_id\":\"fc\","
		 "\"output_index\":0,\"arguments\":\"{}\"}"},
		{{.type = EV_WEB_SEARCH_SEARCHING, .item_id = STR("ws"), .output_index = 4},
		 "{\"type\":\"response.web_search_call.searching\",\"sequence_number\":0,\"output_index\":4,"
		 "\"item_id\":\"ws\"}"},
		{{.type = EV_SHELL_COMMAND_DELTA, .command_index = 1, .text = STR("ls")},
		 "{\"type\":\"response.shell_call_command.delta\",\"sequence_number\":0,\"output_index\":0,"
		 "\"command_index\":1,\"delta\":\"ls\"}"},
		{{.type = EV_IMAGE_PARTIAL, .item_id = STR("ig"), .raw = STR("\"partial_image_index\":0")},
		 "{\"type\":\"response.image_generation_call.partial_image\",\"sequence_number\":0,\"output_index\":0,"
		 "\"item_id\":\"ig\",\"partial_image_index\":0}"},
		{{.type = EV_KEEPALIVE, .seq = 7}, "{\"type\":\"keepalive\",\"sequence_number\":7}"},
	};
	struct buf b;
	buf_init(&b, 1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STR(written(&b, &rows[i].ev), str_of(rows[i].want));
	CHECK_STR(written(&b, &(struct event){.type = EV_ERROR, .seq = 5, .error = &error}),
		  S("{\"type\":\"error\",\"sequence_number\":5,\"error\":{\"type\":\"invalid_request_error\",\"code\":null,"
		    "\"message\":\"no \\\"good\\\"\",\"param\":\"input\"},\"code\":null,\"message\":\"no \\\"good\\\"\","
		    "\"param\":\"input\"}"));
	buf_release(&b);
}

/* Every row renders as JSON with its own type, and no two rows share one. */
static void rows(void)
{
	const struct err error = {.code = ERR_ENGINE, .msg = "gone"};
	struct arena a = {0};
	struct buf b;
	buf_init(&b, 1 << 16);
	CHECK(EV_COUNT == 60); /* the 59 of the SDKs' union, and keepalive */
	for (enum event_type t = 0; t < EV_COUNT; t++) {
		struct event ev = {.type = t, .item_id = S("i"), .text = S("t"), .raw = S("{}"), .error = &error};
		struct err e = {0};
		yyjson_val *v = NULL;
		if (t == EV_IMAGE_PARTIAL)
			ev.raw = S("\"partial_image_index\":0");
		CHECK(json_parse(&a, written(&b, &ev), &v, &e));
		CHECK_STR(json_str(json_get(v, S("type"))), event_rows[t].wire);
		for (enum event_type other = 0; other < t; other++)
			CHECK(!str_eq(event_rows[t].wire, event_rows[other].wire));
	}
	buf_release(&b);
	arena_free(&a);
}

static void deltas(void)
{
	CHECK(event_delta(&(struct event){.type = EV_TEXT_DELTA, .text = S("abc")}) == 3);
	CHECK(event_delta(&(struct event){.type = EV_TEXT_DONE, .text = S("abc")}) == -1);
	CHECK(event_delta(&(struct event){.type = EV_SHELL_OUTPUT_DELTA, .raw = S("{}")}) == -1);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"members and their order", orders},
		{"every row is JSON of its type", rows},
		{"what is obfuscated", deltas},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
