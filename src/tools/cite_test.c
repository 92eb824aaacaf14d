/* cite_test.c - markers become links or go, and are told as citations, however the text is cut. */
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

/* --- files: the marker is taken out, and told at its place --- */

static const struct cite_source files[] = {
    {.number = 1, .kind = CITE_FILE, .url = STR("file-1"), .title = STR("one.txt")},
    {.number = 2, .kind = CITE_FILE, .url = STR("file-2"), .title = STR("two.txt")},
    {.number = 3, .url = STR("http://two.example:8080/x"), .title = STR("Two")},
};
#define LEFT "\u3010"
#define RIGHT "\u3011"

static const struct {
	const char *in, *out, *places; /* number@place */
} file_rows[] = {
    {"Plain text.", "Plain text.", ""},
    {"Favorite food is pizza[1].", "Favorite food is pizza.", "1@22 "},
    {"Favorite food is pizza [1].", "Favorite food is pizza.", "1@22 "},
    {"Pizza. [1] Next.", "Pizza. Next.", "1@6 "},
    {"Pizza.[1] Next.", "Pizza. Next.", "1@6 "},
    {"Pizza [1] is[2] good", "Pizza is good", "1@5 2@8 "},
    {"Pizza [1]is", "Pizza is", "1@5 "},
    {"Größe [1].", "Größe.", "1@5 "},
    {"a [1][2] [1], b", "a, b", "1@1 2@1 "},
    {"a [1, 2].", "a.", "1@1 2@1 "},
    {"a [1] b [1]", "a b", "1@1 1@3 "},
    {"at the end [2]", "at the end", "2@10 "},
    {"at the end [2]\n", "at the end", "2@10 "},
    {"at the end.\n\n[1] [2]", "at the end.", "1@11 2@11 "},
    {"[1] First", "First", "1@0 "},
    {"[1]", "", "1@0 "},
    {"- one [1]\n- two [2]\n  - three", "- one\n- two\n  - three", "1@5 2@11 "},
    {"one\n\n[1] two", "one\n\ntwo", "1@3 "},
    {"one\n[1]\n\ntwo", "one\n\ntwo", "1@3 "},
    {"one\n[1].", "one\n.", "1@3 "},
    {"spaces stay  \n  and \t", "spaces stay  \n  and \t", ""},
    {"never given [7] [1, 7]", "never given [7] [1, 7]", ""},
    {"code `a [1] ` [1]", "code `a [1] `", "1@13 "},
    {"own [1](x) [", "own [1](x) [", ""},
    {"s" LEFT "1\u2020L1-L2" RIGHT "\u3002", "s\u3002", "1@1 "},
    {"s " LEFT "2" RIGHT "\u3002 \u3042", "s\u3002 \u3042", "2@1 "},
    {"s [2]\u3042 [1]\uff09 [2] e", "s\u3042\uff09 e", "2@1 1@2 2@3 "},
    {"both [1] [3].", "both " TWO ".", "1@4 3@5 "},
    {"both [3] [1].", "both " TWO ".", "3@5 1@47 "},
    {"both[1, 3]", "both " TWO, "1@4 3@5 "},
    {"a                                              [1]  .", "a                                              .",
     "1@33 "},
};

struct seen {
	struct cite_sink sink;
	struct buf text;
	int cited;
	bool right;
	struct buf places;
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

static void on_place(struct cite_sink *sink, const struct cite_source *source, int64_t start, int64_t end)
{
	struct seen *s = OWNER(sink, struct seen, sink);
	buf_fmt(&s->places, "%lld@%lld ", (long long)source->number, (long long)start);
	/* A file's place is the end of what has gone out: its annotation comes behind the delta before it. */
	s->right &= byte_of(buf_str(&s->text), end) == s->text.n && (source->kind == CITE_PAGE || start == end);
}

static void check_files(struct str in, size_t cut, size_t cut2, const char *out, const char *places)
{
	struct citer c = {.n_held = 0};
	struct seen s = {.sink = {on_text, on_place}, .right = true};
	enum { N = sizeof files / sizeof *files };
	buf_init(&s.text, 1 << 20);
	buf_init(&s.places, 1 << 20);
	cite_feed(&c, files, N, (struct str){in.p, cut}, &s.sink);
	cite_feed(&c, files, N, (struct str){in.p + cut, cut2 - cut}, &s.sink);
	cite_feed(&c, files, N, (struct str){in.p + cut2, in.n - cut2}, &s.sink);
	cite_end(&c, files, N, &s.sink);
	CHECK_STR(buf_str(&s.text), str_of(out));
	CHECK_STR(buf_str(&s.places), str_of(places));
	CHECK(s.right);
	buf_release(&s.text);
	buf_release(&s.places);
}

static void file_markers(void)
{
	for (size_t i = 0; i < sizeof file_rows / sizeof *file_rows; i++) {
		struct str in = str_of(file_rows[i].in);
		for (size_t cut = 0; cut <= in.n; cut++)
			for (size_t cut2 = cut; cut2 <= in.n; cut2++)
				if (between_characters(in, cut) && between_characters(in, cut2))
					check_files(in, cut, cut2, file_rows[i].out, file_rows[i].places);
	}
}

static void closing_files(void)
{
	struct citer c = {.n_held = 0};
	struct seen s = {.sink = {on_text, on_place}, .right = true};
	buf_init(&s.text, 1 << 20);
	buf_init(&s.places, 1 << 20);
	cite_feed(&c, files, 3, S("Blue."), &s.sink);
	cite_end(&c, files, 3, &s.sink);
	cite_list(&c, files, 3, 3, &s.sink);
	CHECK_STR(buf_str(&s.text), S("Blue.\n\nSources: one.txt, two.txt " TWO));
	CHECK_STR(buf_str(&s.places), S("1@23 2@32 3@33 "));
	buf_release(&s.text);
	buf_release(&s.places);
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
						 {"markers of files, cut anywhere", file_markers},
						 {"the closing line", closing_line},
						 {"files in the closing line", closing_files}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
