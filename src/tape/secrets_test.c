/* secrets_test.c - JSON without what must not be given away. */
#include "tape/secrets.h"

#include "base/test.h"

static bool becomes(const char *json, const char *wanted)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *v;
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, 1 << 16);
	json_parse(&a, str_of(json), &v, &e);
	secrets_out(&o, v);
	bool same = e.code == ERR_NONE && str_eq(buf_str(&b), str_of(wanted));
	if (!same)
		printf("# %.*s\n", FMT(buf_str(&b)));
	buf_release(&b);
	arena_free(&a);
	return same;
}

static void secrets_go(void)
{
	CHECK(becomes("{\"a\":[1,null,true,2.5,\"x\"]}", "{\"a\":[1,null,true,2.5,\"x\"]}"));
	CHECK(becomes("[{\"authorization\":\"tok\",\"b\":1}]", "[{\"b\":1}]"));
	CHECK(becomes("{\"headers\":{\"X-Key\":\"v\"}}", "{}"));
	CHECK(becomes("{\"domain_secrets\":[{\"value\":\"v\"}],\"authorization\":null}", "{\"authorization\":null}"));
	CHECK(becomes("\"Authorization: Bearer abcdefghijklmnop, and on\"",
		      "\"Authorization: Bearer [removed], and on\""));
	CHECK(becomes("\"my key is sk-0123456789abcdef0123.\"", "\"my key is sk-[removed]\""));
	CHECK(
	    becomes("\"a risk-free and desk-bound life, sk-short\"", "\"a risk-free and desk-bound life, sk-short\""));
	CHECK(becomes("\"sk-0123456789abcdef0123 sk-0123456789abcdef4567\"", "\"sk-[removed] sk-[removed]\""));
	CHECK(becomes("\"\"", "\"\""));
}

int main(void)
{
	static const struct test_case tests[] = {{"secrets go, the rest stays", secrets_go}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
