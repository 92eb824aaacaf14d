/* pattern_test.c - what matches, what does not, what is let pass, and that nothing costs much. */
#include "wire/pattern.h"

#include <string.h>

#include "base/buf.h"
#include "base/test.h"

static void is(const char *pattern, const char *text, enum pattern_verdict want)
{
	size_t budget = 1000000;
	enum pattern_verdict got = pattern_find(str_of(pattern), str_of(text), &budget);
	if (got != want) {
		test_failed = 1;
		printf("# /%s/ on \"%s\": %d, not %d\n", pattern, text, got, want);
	}
}

#define YES(p, t) is(p, t, PATTERN_YES)
#define NO(p, t) is(p, t, PATTERN_NO)
#define UNKNOWN(p) is(p, "x", PATTERN_UNKNOWN)

static void plain(void)
{
	YES("b", "abc");
	NO("d", "abc");
	YES("", "");
	YES("^abc$", "abc");
	NO("^abc$", "abcd");
	NO("^b", "abc");
	YES("a.c", "abc");
	NO("a.c", "a\nc");
	YES("^a|b$", "ax");
	YES("^a|b$", "xb");
	NO("^(a|b)$", "ab");
	YES("^(a|bc|)d$", "bcd");
	YES("^(a|bc|)d$", "d");
	NO("^(?:a|b|c)d$", "ed");
	YES("^(?<year>\\d{4})-(\\d\\d)$", "2026-01");
	YES("^a\\.b\\/c$", "a.b/c");
	NO("^a\\.b$", "axb");
	YES("^\\u00e9\\x41\\t$", "\u00e9A\t");
	YES("^\\ud83d\\ude00$", "\U0001f600");
	YES("^\\u{1f600}$", "\U0001f600");
	YES("a{", "a{");
	YES("^a{,2}$", "a{,2}");
}

static void quantifiers(void)
{
	YES("^a*$", "");
	YES("^a*$", "aaaa");
	NO("^a+$", "");
	YES("^a+?b??$", "aa");
	YES("^ab?c$", "ac");
	NO("^ab?c$", "abbc");
	YES("^a{2,3}$", "aa");
	YES("^a{2,3}$", "aaa");
	NO("^a{2,3}$", "a");
	NO("^a{2,3}$", "aaaa");
	YES("^a{2,}$", "aaaaa");
	NO("^a{2}$", "aaa");
	YES("^a{0}b$", "b");
	YES("^(ab){2}(cd|e)*$", "ababcdecd");
	NO("^(ab){2}$", "abab ");
	YES("^(a*)*$", "aaa");
	YES("^(a?|b){3}$", "ab");
	YES("^(x|y{2}){2}$", "xyy");
	NO("^(x|y{2}){2}$", "xy");
}

static void classes(void)
{
	YES("^[a-zA-Z0-9_-]+$", "a-Z_9");
	NO("^[a-zA-Z0-9_-]+$", "a b");
	YES("^[^0-9]$", "x");
	NO("^[^0-9]$", "5");
	YES("^[\\d.]+$", "1.5");
	YES("^[a-\\d]+$", "a-7");
	YES("^[\\]\\\\^]+$", "]\\^");
	YES("^[\u00e0-\u00ff]$", "\u00e9");
	NO("[]", "x");
	YES("^[^]$", "\n");
	YES("^\\w+\\s\\S\\W\\D$", "ab_1 x-x");
	YES("^\\s$", "\u00a0");
	NO("^\\d$", "\u0663");
	YES("^[\\b]$", "\b");
	YES("\\bcat\\b", "a cat.");
	NO("\\bcat\\b", "concat.");
	YES("\\Bcat\\b", "concat.");
	YES("^.$", "\U0001f600");
}

static void let_pass(void)
{
	UNKNOWN("(?=x)");
	UNKNOWN("(?!x)");
	UNKNOWN("(?<=x)");
	UNKNOWN("(?<!x)");
	UNKNOWN("(?i)x");
	UNKNOWN("(x)\\1");
	UNKNOWN("\\p{L}");
	UNKNOWN("\\Z");
	UNKNOWN("(x");
	UNKNOWN("x)");
	UNKNOWN("[x");
	UNKNOWN("*x");
	UNKNOWN("x\\");
	UNKNOWN("[z-a]");
	UNKNOWN("x{2,1}");
	UNKNOWN("\\u12");
	UNKNOWN("\\ud800");
	UNKNOWN("((x{1000}){1000}){1000}");
}

/* The classic traps: exponential for those who try one way after the other. */
static void bounded(void)
{
	struct buf b;
	buf_init(&b, 1 << 22);
	for (int i = 0; i < 30000; i++)
		buf_byte(&b, 'a');
	buf_byte(&b, '!');
	size_t budget = 5000000;
	CHECK(pattern_find(S("^(a+)+$"), buf_str(&b), &budget) == PATTERN_NO);
	CHECK(budget > 0);
	budget = 5000000;
	CHECK(pattern_find(S("^(a|aa|a?)*$"), buf_str(&b), &budget) == PATTERN_NO);
	budget = 100000;
	CHECK(pattern_find(S("(a{0,300}){3}$"), buf_str(&b), &budget) == PATTERN_UNKNOWN && budget == 0);
	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		buf_byte(&b, '(');
	CHECK(pattern_find(buf_str(&b), S("x"), &budget) == PATTERN_UNKNOWN);
	for (int deep = 64; deep <= 65; deep++) {
		buf_clear(&b);
		for (int i = 0; i < deep; i++)
			buf_byte(&b, '(');
		buf_byte(&b, 'x');
		for (int i = 0; i < deep; i++)
			buf_byte(&b, ')');
		budget = 100000;
		CHECK(pattern_find(buf_str(&b), S("x"), &budget) == (deep == 64 ? PATTERN_YES : PATTERN_UNKNOWN));
	}
	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		buf_byte(&b, '|');
	CHECK(pattern_find(buf_str(&b), S("x"), &budget) == PATTERN_UNKNOWN);
	buf_release(&b);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"plain patterns", plain},      {"quantifiers", quantifiers},       {"classes and edges", classes},
	    {"what is let pass", let_pass}, {"no pattern costs much", bounded},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
