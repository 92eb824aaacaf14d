/* transcript_test.c - a conversation in words, its bounds, and the calls that are open in it. */
#include <string.h>

#include "base/test.h"
#include "turn/transcript.h"

static struct arena a;

/* Items of a JSON array. */
static struct item *items_of(const char *json, size_t *n)
{
	struct err e = {0};
	yyjson_val *v = NULL, *one;
	size_t i, max;
	CHECK(json_parse(&a, str_of(json), &v, &e));
	struct item *items = new_array(&a, struct item, yyjson_arr_size(v) + 1);
	*n = yyjson_arr_size(v);
	yyjson_arr_foreach(v, i, max, one) CHECK(item_view(&a, json_text(&a, one), &items[i]));
	return items;
}

#define CALL(id) "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"f\",\"arguments\":\"{}\"}"
#define OUTPUT(id) "{\"type\":\"function_call_output\",\"call_id\":\"" id "\",\"output\":\"done\"}"
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"

static void says_everything(void)
{
	size_t n;
	struct item *items = items_of(
		"[" USER("old") ",{\"type\":\"compaction\",\"summary\":\"sum\",\"calls\":[]},"
		"{\"role\":\"developer\",\"content\":\"obey\"},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"see\"},{\"type\":\"input_image\",\"image_url\":\"x\"}]},"
		"{\"type\":\"reasoning\",\"summary\":[]}," CALL("c1") "," OUTPUT("c1") ","
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"fine\"}]},{\"type\":\"compaction_trigger\"}]", &n);
	CHECK_STR(transcript_write(&a, items, n, 10000),
	          S("Summary of what came before: sum\n\nInstruction: obey\n\nUser: see\n[input_image]\n\n"
	            "Assistant called f with {}\n\nThe tool returned done\n\nAssistant: fine"));
	CHECK_STR(transcript_write(&a, items, 0, 10000), S(""));
	arena_free(&a);
	a = (struct arena){0};
}

/* Calls of every tool say what was asked and what came of it. */
static void says_what_tools_did(void)
{
	size_t n;
	struct item *items = items_of(
		"[{\"type\":\"shell_call\",\"call_id\":\"c\",\"action\":{\"commands\":[\"ls\"]}},"
		"{\"type\":\"shell_call_output\",\"call_id\":\"c\",\"output\":[{\"stdout\":\"a.txt\",\"stderr\":\"\"}]},"
		"{\"type\":\"custom_tool_call\",\"call_id\":\"d\",\"name\":\"edit\",\"input\":\"x\"},"
		"{\"type\":\"apply_patch_call_output\",\"call_id\":\"d\",\"status\":\"failed\",\"output\":\"no file\"}]", &n);
	CHECK_STR(transcript_write(&a, items, n, 10000),
	          S("Assistant called shell_call with {\"commands\":[\"ls\"]}\n\nThe tool returned "
	            "[{\"stdout\":\"a.txt\",\"stderr\":\"\"}]\n\nAssistant called edit with x\n\n"
	            "The tool returned failed: no file"));
	arena_free(&a);
	a = (struct arena){0};
}

static void keeps_its_bounds(void)
{
	size_t n;
	struct str long_text = str_fmt(&a, "%0*d", 5000, 7);
	struct item *items = items_of(str_fmt(&a, "[{\"type\":\"compaction\",\"summary\":\"sum\"}," USER("oldest") "," USER("%.*s")
	                                          "," USER("%.*s") "," USER("newest") "]", FMT(long_text), FMT(long_text)).p, &n);
	for (size_t most = 0; most < 12000; most += 97) {
		struct str text = transcript_write(&a, items, n, most);
		CHECK(text.n <= most + 1000);
		CHECK(memmem(text.p, text.n, "newest", 6) && memmem(text.p, text.n, "sum", 3));
	}
	struct str wide = str_fmt(&a, "%s", "[{\"role\":\"user\",\"content\":\"");
	for (int i = 0; i < 400; i++)
		wide = str_fmt(&a, "%.*s\xE2\x82\xAC", FMT(wide));
	items = items_of(str_fmt(&a, "%.*s\"}]", FMT(wide)).p, &n);
	for (size_t most = 0; most < 64; most++) { /* never within a character */
		struct err e = {0};
		yyjson_val *v;
		struct str text = transcript_write(&a, items, n, most * 100);
		CHECK(json_parse(&a, str_fmt(&a, "\"%.*s\"", FMT(text)), &v, &e));
	}
	arena_free(&a);
	a = (struct arena){0};
}

static void finds_open_calls(void)
{
	static const struct {
		const char *items, *open;
	} rows[] = {
		{"[" CALL("c1") "]", "c1"},
		{"[" CALL("c1") "," OUTPUT("c1") "]", ""},
		{"[" CALL("c1") "," CALL("c2") "," OUTPUT("c1") "]", "c2"},
		{"[{\"type\":\"compaction\",\"summary\":\"s\",\"calls\":[" CALL("c1") "," CALL("c2") "]}," OUTPUT("c2") "]", "c1"},
		{"[" CALL("c1") ",{\"type\":\"compaction\",\"summary\":\"s\",\"calls\":[" CALL("c1") "]}]", "c1"},
		{"[]", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t n, k;
		struct item *items = items_of(rows[i].items, &n), *calls = transcript_open_calls(&a, items, n, &k);
		CHECK(k == (rows[i].open[0] != 0));
		if (k)
			CHECK_STR(calls[0].call_id, str_of(rows[i].open));
	}
	arena_free(&a);
	a = (struct arena){0};
}

int main(void)
{
	static const struct test_case tests[] = {
		{"says everything", says_everything},
		{"what tools did", says_what_tools_did},
		{"keeps its bounds", keeps_its_bounds},
		{"finds open calls", finds_open_calls},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
