/* json_test.c - documents in, documents out. */
#include "wire/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"

static struct arena a;

static yyjson_val *parse(const char *text)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(json_parse(&a, str_of(text), &v, &e));
	return v;
}

static void refused(struct str text, const char *says)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(!json_parse(&a, text, &v, &e));
	CHECK(e.code == ERR_BAD_JSON && !*e.param && !v);
	CHECK(!strncmp(e.msg, "We could not parse the JSON body of your request. (HINT: ", 57));
	if (!strstr(e.msg, says)) {
		test_failed = 1;
		printf("# %s\n", e.msg);
	}
}

static void reads(void)
{
	yyjson_val *v = parse("{\"a\":\"x\\u0000y\",\"n\":[1,2.5,-3],\"t\":true}");
	CHECK_STR(json_str(json_get(v, S("a"))), ((struct str){"x\0y", 3}));
	CHECK(json_get(v, S("zz")) == NULL && json_get(NULL, S("a")) == NULL);
	CHECK(json_str(json_get(v, S("n"))).p == NULL);
	CHECK(json_str(NULL).p == NULL);
	CHECK_STR(json_text(&a, v), S("{\"a\":\"x\\u0000y\",\"n\":[1,2.5,-3],\"t\":true}"));
	arena_free(&a);
}

static void refuses(void)
{
	refused(S(""), "It was empty.");
	refused(S("{\"a\":}"), "At byte 5: ");
	refused(S("{} x"), "At byte 3: ");
	refused(S("{\"a\":1,}"), "At byte 6: ");
	refused(S("\"\xff\""), "UTF-8");
	refused(S("\"\xed\xa0\x80\""), "UTF-8"); /* a surrogate */
	refused(S("\"\\ud800\""), "surrogate");
	refused(S("NaN"), "At byte 0: ");
	refused(S("'x'"), "At byte 0: ");
	arena_free(&a);
}

static void depth_is_bounded(void)
{
	struct buf b;
	struct err e = {0};
	yyjson_val *v;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 128; i++)
		buf_add(&b, S("["));
	for (int i = 0; i < 128; i++)
		buf_add(&b, S("]"));
	CHECK(json_parse(&a, buf_str(&b), &v, &e));
	CHECK_STR(json_text(&a, v), buf_str(&b));
	buf_clear(&b);
	for (int i = 0; i < 129; i++)
		buf_add(&b, S("[1,"));
	buf_byte(&b, '2');
	for (int i = 0; i < 129; i++)
		buf_add(&b, S("]"));
	refused(buf_str(&b), "128 levels");
	buf_clear(&b);
	for (int i = 0; i < 500000; i++)
		buf_byte(&b, '[');
	refused(buf_str(&b), "At byte ");
	/* Width is no depth. */
	buf_clear(&b);
	buf_byte(&b, '[');
	for (int i = 0; i < 1000; i++)
		buf_add(&b, i ? S(",[{\"a\":[]},[]]") : S("[{}]"));
	buf_byte(&b, ']');
	CHECK(json_parse(&a, buf_str(&b), &v, &e));
	buf_release(&b);
	arena_free(&a);
}

static void large_documents_leave_with_the_arena(void)
{
	struct buf b;
	struct err e = {0};
	yyjson_val *v = NULL;
	buf_init(&b, 1 << 24);
	buf_byte(&b, '[');
	for (int i = 0; i < 100000; i++)
		buf_fmt(&b, "%s%d", i ? "," : "", i);
	buf_byte(&b, ']');
	CHECK(json_parse(&a, buf_str(&b), &v, &e));
	CHECK(yyjson_arr_size(v) == 100000);
	CHECK_STR(json_text(&a, v), buf_str(&b));
	buf_release(&b);
	arena_free(&a); /* the leak checker sees what stays */
}

static void equality(void)
{
	CHECK(json_same(parse("{\"a\":1,\"b\":[true,null]}"), parse("{\"b\":[true,null],\"a\":1.0}")));
	CHECK(!json_same(parse("{\"a\":1}"), parse("{\"a\":1,\"b\":2}")));
	CHECK(!json_same(parse("{\"a\":1}"), parse("{\"b\":1}")));
	CHECK(!json_same(parse("[1,2]"), parse("[2,1]")));
	CHECK(!json_same(parse("1"), parse("\"1\"")));
	CHECK(json_same(parse("-0.0"), parse("0")) && json_same(parse("-0"), parse("0")));
	CHECK(json_same(parse("-7"), parse("-7")) && !json_same(parse("-7"), parse("7")));
	CHECK(!json_same(parse("18446744073709551615"), parse("-1")));
	CHECK(json_same(NULL, NULL) && !json_same(parse("null"), NULL));
	struct buf x, y;
	buf_init(&x, 1 << 20);
	buf_init(&y, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		buf_fmt(&x, "%c\"k%d\":%d", i ? ',' : '{', i, i);
		buf_fmt(&y, "%c\"k%d\":%d", i ? ',' : '{', 999 - i, 999 - i);
	}
	buf_add(&x, S("}\0"));
	buf_add(&y, S("}\0"));
	CHECK(json_same(parse(x.p), parse(y.p)));
	y.p[y.n - 3] = '7';
	CHECK(!json_same(parse(x.p), parse(y.p)));
	buf_release(&x);
	buf_release(&y);
	arena_free(&a);
}

static void writes(void)
{
	struct buf b;
	buf_init(&b, 4096);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kint(&o, "min", INT64_MIN);
	jo_kint(&o, "zero", 0);
	jo_kint(&o, "max", INT64_MAX);
	jo_knum(&o, "one", 1);
	jo_knum(&o, "t", 0.7);
	jo_knum(&o, "bad", (double)NAN);
	jo_kbool(&o, "yes", true);
	jo_knull(&o, "none");
	jo_kstr(&o, "s", S("hi"));
	jo_kstr(&o, "e", S(""));
	jo_kstr(&o, "absent", (struct str){0});
	jo_kraw(&o, "raw", S("[1,2]"));
	jo_kraw(&o, "noraw", (struct str){0});
	jo_key(&o, S("list"));
	jo_arr(&o);
	jo_obj(&o);
	jo_obj_end(&o);
	jo_arr(&o);
	jo_arr_end(&o);
	jo_int(&o, 7);
	jo_obj(&o);
	jo_kint(&o, "a", 8);
	jo_obj_end(&o);
	jo_arr(&o);
	jo_int(&o, 9);
	jo_arr_end(&o);
	jo_arr_end(&o);
	jo_kbool(&o, "end", false);
	jo_obj_end(&o);
	CHECK_STR(
	    buf_str(&b),
	    S("{\"min\":-9223372036854775808,\"zero\":0,\"max\":9223372036854775807,\"one\":1.0,\"t\":0.7,\"bad\":null,"
	      "\"yes\":true,\"none\":null,\"s\":\"hi\",\"e\":\"\",\"absent\":null,\"raw\":[1,2],\"noraw\":null,"
	      "\"list\":[{},[],7,{\"a\":8},[9]],\"end\":false}"));
	buf_release(&b);
}

static void escaped(struct str in, struct str want)
{
	struct buf b;
	buf_init(&b, 4096);
	jo_escape(&b, in);
	CHECK_STR(buf_str(&b), want);
	buf_release(&b);
}

static void escapes(void)
{
	escaped(S("plain text of some length"), S("plain text of some length"));
	escaped(S("a\"b\\c/d"), S("a\\\"b\\\\c/d"));
	escaped(S("\b\f\n\r\t\x01\x1f\x7f"), S("\\b\\f\\n\\r\\t\\u0001\\u001f\x7f"));
	escaped((struct str){"\0", 1}, S("\\u0000"));
	escaped(S("\u00e9\u20ac\U0001f600 \u2028"), S("\u00e9\u20ac\U0001f600 \u2028"));
	escaped(S("a\xff"
		  "b"),
		S("a\ufffdb"));
	/* at every place of a stretch, and across its end */
	for (int n = 0; n < 80; n++) {
		struct arena x = {0};
		char fill[81];
		memset(fill, 'x', 80);
		escaped(str_fmt(&x, "\n%.*s\"\u20ac\x01\xff\U0001f600%.*s", n, fill, 80 - n, fill),
			str_fmt(&x, "\\n%.*s\\\"\u20ac\\u0001\ufffd\U0001f600%.*s", n, fill, 80 - n, fill));
		arena_free(&x);
	}
	escaped(S("\xe2\x82"), S("\ufffd"));                       /* cut short */
	escaped(S("\xe2\x82(\xc0\xaf"), S("\ufffd(\ufffd\ufffd")); /* overlong */
	escaped(S("\xed\xa0\x80"), S("\ufffd\ufffd\ufffd"));       /* a surrogate */
	escaped(S("\xf4\x90\x80\x80"), S("\ufffd\ufffd\ufffd\ufffd"));
	escaped(S("\xf0\x9f\x98"), S("\ufffd"));
}

/* Every special byte at every place of a word, against yyjson reading it back. */
static void escapes_read_back(void)
{
	char text[24];
	for (int c = 0; c < 128; c++)
		for (size_t at = 0; at < sizeof text; at++) {
			struct buf b;
			struct err e = {0};
			yyjson_val *v = NULL;
			buf_init(&b, 4096);
			struct jout o = {.b = &b};
			memset(text, 'x', sizeof text);
			text[at] = (char)c;
			jo_str(&o, (struct str){text, sizeof text});
			CHECK(json_parse(&a, buf_str(&b), &v, &e));
			CHECK_STR(json_str(v), ((struct str){text, sizeof text}));
			buf_release(&b);
		}
	arena_free(&a);
}

static void numbers_read_back(void)
{
	static const char *const texts[] = {
	    "0.1", "1.0", "-2.5", "1e300", "5e-324", "123456789.125", "0.30000000000000004"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct buf b;
		buf_init(&b, 100);
		struct jout o = {.b = &b};
		jo_num(&o, strtod(texts[i], NULL));
		CHECK_STR(buf_str(&b), str_of(texts[i]));
		buf_release(&b);
	}
	CHECK_STR(json_text(&a, parse("[18446744073709551615,-9223372036854775808,1e2]")),
		  S("[18446744073709551615,-9223372036854775808,100.0]"));
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"documents are read", reads},
	    {"what is no JSON is refused and says where", refuses},
	    {"depth is bounded", depth_is_bounded},
	    {"large documents leave with the arena", large_documents_leave_with_the_arena},
	    {"equality ignores key order", equality},
	    {"the writer puts commas where they belong", writes},
	    {"only what JSON demands is escaped", escapes},
	    {"escapes read back", escapes_read_back},
	    {"numbers are short and read back", numbers_read_back},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
