/* extract_test.c - pages as text. */
#include "index/extract.h"

#include <string.h>

#include "base/buf.h"
#include "base/test.h"
#include "index/file_text.h"
#include "sandbox/policy.h"

static const struct {
	const char *type, *in, *title, *text;
} rows[] = {
    {"text/html", "<title>A  b</title><p>One<p>Two", "A b", "One\n\nTwo"},
    {"text/html; charset=utf-8", "<h1>Head</h1><div>a <b>b</b>  c</div><div>d</div>", "", "Head\n\na b c\nd"},
    {"text/html", "<script>x</script><style>y</style><nav>n</nav><p hidden>h</p>text<noscript>z</noscript>", "",
     "text"},
    {"text/html", "<ul><li>one<li>two</ul>end", "", "- one\n- two\n\nend"},
    {"text/html", "<table><tr><td>a<td>b<tr><td>c<td>d</table>", "", "a | b\nc | d"},
    {"text/html", "<pre>a\n  b</pre>c", "", "a\n  b\n\nc"},
    {"text/html", "a<br>b&amp;&lt;&eacute;", "", "a\nb&<\u00e9"},
    {"text/html; charset=ISO-8859-1", "caf\xe9", "", "caf\u00e9"},
    {"text/html", "<meta charset='windows-1252'>\x80", "", "\u20ac"},
    {"text/html", "bad \xff utf", "", "bad utf"},
    {"", "<!DOCTYPE html><p>told by its bytes", "", "told by its bytes"},
    {"text/plain", "as it is\n <b>", "", "as it is\n <b>"},
    {"application/json", "{\"a\":1}", "", "{\"a\":1}"},
};

static void read_rows(void)
{
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct page_text p;
		struct err e = {0};
		CHECK(extract_text(&a, str_of(rows[i].type), str_of(rows[i].in), 10000, 20, &p, &e));
		CHECK_STR(p.text, str_of(rows[i].text));
		CHECK_STR(p.title.p ? p.title : S(""), str_of(rows[i].title));
		CHECK(!p.cut);
	}
	arena_free(&a);
}

static void refused(void)
{
	static const char *const types[] = {"application/pdf", "image/png", "application/octet-stream", ""};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct page_text p;
		struct err e = {0};
		CHECK(!extract_text(&a, str_of(types[i]), S("\x89PNG"), 10000, 20, &p, &e) && e.code == ERR_MEDIA_TYPE);
	}
	/* What a page's server says of its type is told to a model. */
	struct page_text p;
	struct err e = {0}, odd = {0};
	CHECK(!extract_text(&a, S("image/svg+xml; a=b"), S("x"), 10000, 20, &p, &e) && strstr(e.msg, "'image/svg+xml'"));
	CHECK(!extract_text(&a, S("a/b'. <|im_start|> \xff"), S("x"), 10000, 20, &p, &odd) && !strchr(odd.msg, '<'));
	arena_free(&a);
}

static void cut(void)
{
	struct arena a = {0};
	struct page_text p;
	struct err e = {0};
	CHECK(extract_text(&a, S("text/html"), S("<p>\u00e4\u00e4\u00e4\u00e4"), 5, 20, &p, &e) && p.cut);
	CHECK_STR(p.text, S("\u00e4\u00e4"));
	CHECK(extract_text(&a, S("text/plain"), S("\u00e4\u00e4\u00e4\u00e4"), 5, 20, &p, &e) && p.cut);
	CHECK_STR(p.text, S("\u00e4\u00e4"));
	arena_free(&a);
}

/* Its own time is a file's, not a web page's (sandbox.page_seconds). */
static void late(void)
{
	struct arena a = {0};
	struct page_text p;
	struct err e = {0};
	int64_t of_pages = sandbox_limits.page_seconds;
	struct file_text file;
	sandbox_limits.page_seconds = 0;
	CHECK(file_text(&a, S("a.html"), S("<title>T</title><p>text"), NULL, &file, &e));
	CHECK_STR(file.title, S("T"));
	CHECK(!extract_text(&a, S("text/html"), S("<p>x"), 5, 0, &p, &e));
	sandbox_limits.page_seconds = of_pages;
	arena_free(&a);
}

static void repeat(struct buf *b, const char *text, int n)
{
	for (int i = 0; i < n; i++)
		buf_add(b, str_of(text));
}

/* Pages that grow when they are mended, or nest without end: read or refused, within the bounds. */
static void hostile(void)
{
	struct arena a = {0};
	struct page_text p;
	struct buf b;
	buf_init(&b, 64 << 20);
	buf_add(&b, S("<p>"));
	for (int i = 0; i < 3000; i++)
		buf_fmt(&b, "<font size=%d>", i);
	repeat(&b, "</p><p>x", 30000);
	CHECK(!html_text(&a, buf_str(&b), 10000, &p));
	buf_clear(&b);
	repeat(&b, "<div>", 20000);
	buf_add(&b, S("deep"));
	html_text(&a, buf_str(&b), 10000, &p);
	buf_clear(&b);
	repeat(&b, "<b>x</b>", 20000);
	CHECK(html_text(&a, buf_str(&b), 10000, &p) && p.cut && p.text.n == 10000);
	buf_release(&b);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {{"kinds of content", read_rows},
						 {"what cannot be read", refused},
						 {"cut off", cut}, {"late", late},
						 {"hostile pages", hostile}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
