/* filter_test.c - filters over attributes: each comparison, and trees against a plain evaluator. */
#include "index/filter.h"

#include <string.h>

#include "base/test.h"

static yyjson_val *parsed(struct arena *a, struct str text)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(json_parse(a, text, &v, &e));
	return v;
}

static const char attributes[] =
    "{\"s\":\"m\",\"e\":\"\",\"i\":5,\"d\":5.5,\"n\":-3,\"t\":true,\"f\":false,\"big\":9007199254740993,\"num\":\"5\"}";

static const struct {
	const char *type, *key, *value;
	bool fits;
} rows[] = {
    {"eq", "s", "\"m\"", true},
    {"eq", "s", "\"n\"", false},
    {"ne", "s", "\"n\"", true},
    {"ne", "s", "\"m\"", false},
    {"gt", "s", "\"l\"", true},
    {"gt", "s", "\"m\"", false},
    {"gt", "s", "\"ma\"", false},
    {"lt", "s", "\"ma\"", true},
    {"gte", "s", "\"m\"", true},
    {"lte", "s", "\"m\"", true},
    {"eq", "e", "\"\"", true},
    {"lt", "e", "\"a\"", true},
    {"eq", "i", "5", true},
    {"eq", "i", "5.0", true},
    {"eq", "i", "\"5\"", false},
    {"ne", "i", "\"5\"", true},
    {"gt", "i", "\"4\"", false},
    {"lt", "i", "\"6\"", false},
    {"gt", "i", "4", true},
    {"gte", "i", "5", true},
    {"lt", "i", "5.01", true},
    {"lt", "n", "0", true},
    {"gt", "n", "-4", true},
    {"lt", "n", "18446744073709551615", true},
    {"gt", "d", "5", true},
    {"eq", "d", "5.5", true},
    {"eq", "t", "true", true},
    {"eq", "t", "1", false},
    {"ne", "t", "false", true},
    {"gt", "t", "false", false},
    {"lt", "t", "false", false},
    {"gte", "t", "true", true},
    {"eq", "f", "false", true},
    {"eq", "big", "9007199254740993", true},
    {"eq", "big", "9007199254740992", false},
    {"gt", "big", "9007199254740992", true},
    {"eq", "num", "5", false},
    /* what is missing fits `ne` and `nin` alone */
    {"eq", "x", "\"\"", false},
    {"ne", "x", "1", true},
    {"gt", "x", "0", false},
    {"lt", "x", "0", false},
    {"gte", "x", "0", false},
    {"lte", "x", "0", false},
    {"in", "x", "[1]", false},
    {"nin", "x", "[1]", true},
    {"in", "s", "[\"a\",\"m\"]", true},
    {"in", "s", "[]", false},
    {"nin", "s", "[]", true},
    {"nin", "s", "[\"m\"]", false},
    {"in", "i", "[\"5\",4,5]", true},
    {"in", "i", "[\"5\"]", false},
    {"nin", "i", "[\"5\"]", true},
};

static void comparisons(void)
{
	struct arena a = {0};
	yyjson_val *attr = parsed(&a, str_of(attributes));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str text = str_fmt(&a, "{\"type\":\"%s\",\"key\":\"%s\",\"value\":%s}", rows[i].type,
					  rows[i].key, rows[i].value);
		if (filter_fits(parsed(&a, text), attr) != rows[i].fits)
			CHECK_STR(text, rows[i].fits ? S("fits") : S("does not fit"));
	}
	CHECK(filter_fits(NULL, attr) && filter_fits(parsed(&a, S("null")), NULL));
	CHECK(filter_fits(parsed(&a, S("{\"type\":\"and\",\"filters\":[]}")), attr));
	CHECK(!filter_fits(parsed(&a, S("{\"type\":\"or\",\"filters\":[]}")), attr));
	arena_free(&a);
}

/* --- trees made by chance ------------------------------------------------------------------------------------ */

static uint64_t state = 0x9e3779b97f4a7c15u;
static unsigned next(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

/* Appends a tree and says what it is worth. A row's comparison is taken as it is proved above. */
static bool grow(struct buf *b, int depth)
{
	if (depth == 0 || next(3) == 0) {
		size_t i = next(sizeof rows / sizeof *rows);
		buf_fmt(b, "{\"type\":\"%s\",\"key\":\"%s\",\"value\":%s}", rows[i].type, rows[i].key, rows[i].value);
		return rows[i].fits;
	}
	bool all = next(2), worth = all;
	unsigned n = next(4);
	buf_fmt(b, "{\"type\":\"%s\",\"filters\":[", all ? "and" : "or");
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_byte(b, ',');
		bool one = grow(b, depth - 1); /* always: the text must be whole */
		worth = all ? worth && one : worth || one;
	}
	buf_add(b, S("]}"));
	return worth;
}

static void trees(void)
{
	int n[2] = {0};
	for (int i = 0; i < 500; i++) {
		struct arena a = {0};
		struct err e = {0};
		struct buf b;
		buf_init(&b, 1 << 20);
		bool worth = grow(&b, 5);
		yyjson_val *filter = parsed(&a, buf_str(&b));
		n[worth]++;
		if (filter_fits(filter, parsed(&a, str_of(attributes))) != worth)
			CHECK_STR(buf_str(&b), worth ? S("fits") : S("does not fit"));
		CHECK(filter_bounded(filter, "filters", &e));
		buf_release(&b);
		arena_free(&a);
	}
	CHECK(n[0] > 100 && n[1] > 100);
}

static void bounds(void)
{
	struct arena a = {0};
	for (int depth = FILTER_DEPTH - 1; depth <= FILTER_DEPTH; depth++) {
		struct err e = {0};
		struct buf b;
		buf_init(&b, 1 << 20);
		for (int i = 0; i < depth; i++)
			buf_add(&b, S("{\"type\":\"and\",\"filters\":["));
		buf_add(&b, S("{\"type\":\"eq\",\"key\":\"k\",\"value\":1}"));
		for (int i = 0; i < depth; i++)
			buf_add(&b, S("]}"));
		CHECK(filter_bounded(parsed(&a, buf_str(&b)), "filters", &e) == (depth < FILTER_DEPTH));
		if (depth == FILTER_DEPTH)
			CHECK(e.code == ERR_INVALID_VALUE && !strncmp(e.param, "filters.filters[0].filters[0]", 29));
		buf_release(&b);
	}
	struct err e = {0};
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, S("{\"type\":\"in\",\"key\":\"k\",\"value\":[0"));
	for (int i = 0; i < FILTER_NODES; i++)
		buf_add(&b, S(",1"));
	buf_add(&b, S("]}"));
	CHECK(!filter_bounded(parsed(&a, buf_str(&b)), "filters", &e) && !strcmp(e.param, "filters"));
	buf_release(&b);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"comparisons", comparisons}, {"trees by chance", trees}, {"bounds", bounds}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
