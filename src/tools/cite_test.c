/* cite_test.c - markers become links, however the text is cut. */
#include "tools/cite.h"

#include <string.h>

#include "base/test.h"
#include "loop/loop.h"

static const struct cite_source sources[] = {
    {.number = 1, .url = STR("https://www.one.example/a_(b)"), .title = STR("One")},
    {.number = 2, .url = STR("http://two.example:8080/x"), .title = STR("Two")},
    {.number = 12, .url = STR("https://twelve.example/"), .title = STR("Twelve")},
};
#define ONE "([one.example](https://www.one.example/a_%28b%29))"
#define TWO "([two.example](http://two.example:8080/x))"
#define TWELVE "([twelve.example](https://twelve.example/))"

static const struct {
	const char *in, *out;
	int cited;
} rows[] = {
    {"Plain.", "Plain.", 0},
    {"Sky is blue [1].", "Sky is blue " ONE ".", 1},
    {"Sky is blue[1].", "Sky is blue " ONE ".", 1},
    {"[2]", TWO, 1},
    {"a [1][2] b", "a " ONE " " TWO " b", 2},
    {"a [1, 12] b", "a " ONE " " TWELVE " b", 2},
    {"a [ 1 ,2 ]", "a " ONE " " TWO, 2},
    {"never given [3] or [1, 3] or [123456789]", "never given [3] or [1, 3] or [123456789]", 0},
    {"a[i] [x](y) [1](http://own.example) [", "a[i] [x](y) [1](http://own.example) [", 0},
    {"code `v[1]` and [1]", "code `v[1]` and " ONE, 1},
    {"```\nv[1]\n``` [2]", "```\nv[1]\n``` " TWO, 1},
    {"\u3010"
     "1\u2020L5-L9\u3011 and \u3010"
     "2\u3011 or \u3010"
     "7\u3011",
     ONE " and " TWO " or \u3010"
	 "7\u3011",
     2},
    {"\u3042\u3010\u3042[1]", "\u3042\u3010\u3042 " ONE, 1},
    {"open [1", "open [1", 0},
    {"[[1]]",
     "["
     " " ONE "]",
     1},
    {"", "", 0},
};

struct seen {
	struct cite_sink sink;
	struct buf text;
	int cited;
	bool right;
};

static void on_text(struct cite_sink *sink, struct str s)
{
	buf_add(&OWNER(sink, struct seen, sink)->text, s);
}

/* The place in bytes of a place in code points. */
static size_t byte_of(struct str s, int64_t chars)
{
	size_t i = 0;
	for (; i < s.n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80 && chars-- == 0)
			break;
	return i;
}

static void on_cited(struct cite_sink *sink, const struct cite_source *source, int64_t start, int64_t end)
{
	struct seen *s = OWNER(sink, struct seen, sink);
	struct str all = buf_str(&s->text);
	size_t from = byte_of(all, start), to = byte_of(all, end);
	s->cited++;
	s->right &= to == all.n && from < to && all.p[from] == '(' && all.p[to - 1] == ')' && source->number > 0;
}

static void check(struct str in, size_t cut, size_t cut2, const char *out, int cited)
{
	struct citer c = {.n_held = 0};
	struct seen s = {.sink = {on_text, on_cited}, .right = true};
	enum { N = sizeof sources / sizeof *sources };
	buf_init(&s.text, 1 << 20);
	cite_feed(&c, sources, N, (struct str){in.p, cut}, &s.sink);
	cite_feed(&c, sources, N, (struct str){in.p + cut, cut2 - cut}, &s.sink);
	cite_feed(&c, sources, N, (struct str){in.p + cut2, in.n - cut2}, &s.sink);
	cite_end(&c, sources, N, &s.sink);
	CHECK_STR(buf_str(&s.text), str_of(out));
	CHECK(s.cited == cited && s.right);
	buf_release(&s.text);
}

static bool between_characters(struct str s, size_t at)
{
	return at == s.n || ((unsigned char)s.p[at] & 0xc0) != 0x80;
}

static void markers(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str in = str_of(rows[i].in);
		for (size_t cut = 0; cut <= in.n; cut++)
			for (size_t cut2 = cut; cut2 <= in.n; cut2++)
				if (between_characters(in, cut) && between_characters(in, cut2))
					check(in, cut, cut2, rows[i].out, rows[i].cited);
	}
}

static void closing_line(void)
{
	struct citer c = {.n_held = 0};
	struct seen s = {.sink = {on_text, on_cited}, .right = true};
	buf_init(&s.text, 1 << 20);
	cite_feed(&c, sources, 3, S("Blue."), &s.sink);
	cite_end(&c, sources, 3, &s.sink);
	cite_list(&c, sources, 3, 2, &s.sink);
	CHECK_STR(buf_str(&s.text), S("Blue.\n\nSources: " ONE " " TWO));
	CHECK(s.cited == 2 && s.right && c.cited == 2);
	buf_release(&s.text);
}

int main(void)
{
	static const struct test_case tests[] = {{"markers, cut anywhere", markers},
						 {"the closing line", closing_line}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
