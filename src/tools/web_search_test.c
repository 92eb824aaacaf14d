/* web_search_test.c - what the tool web_search says of its items. */
#include "base/test.h"
#include "tools/tool.h"

static yyjson_val *parsed(struct arena *a, const char *text)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(json_parse(a, str_of(text), &v, &e));
	return v;
}

/* What a hosted call's item was called with. */
static const struct {
	const char *item, *arguments;
} hosted[] = {
    {"{\"action\":{\"type\":\"search\",\"queries\":[\"q\"],\"query\":\"q\",\"sources\":[]}}", "{\"query\":\"q\"}"},
    {"{\"action\":{\"type\":\"search\",\"queries\":[\"a\",\"b\"],\"query\":\"a\"}}", "{\"queries\":[\"a\",\"b\"]}"},
    {"{\"action\":{\"type\":\"search\",\"query\":\"old\"}}", "{\"query\":\"old\"}"},
    {"{\"action\":{\"type\":\"open_page\",\"url\":\"u\"}}", "{\"url\":\"u\"}"},
    {"{\"action\":{\"type\":\"find_in_page\",\"pattern\":\"p\",\"url\":\"u\"}}", "{\"url\":\"u\",\"pattern\":\"p\"}"},
};

static void hosted_calls(void)
{
	for (size_t i = 0; i < sizeof hosted / sizeof *hosted; i++) {
		struct arena a = {0};
		CHECK_STR(tool_web_search.face.arguments(&a, parsed(&a, hosted[i].item)), str_of(hosted[i].arguments));
		arena_free(&a);
	}
}

/* An item that was cut off before it asked for anything is told to nobody. */
static void cut_off(void)
{
	struct arena a = {0};
	CHECK(!tool_web_search.face.arguments(&a, parsed(&a, "{\"status\":\"failed\"}")).p);
	CHECK(!tool_web_search.face.arguments(&a, parsed(&a, "{\"action\":{\"type\":\"search\",\"queries\":[]}}")).p);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {{"arguments of items", hosted_calls}, {"cut off", cut_off}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
