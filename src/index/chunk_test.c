/* chunk_test.c - texts in chunks and windows. */
#include "index/chunk.h"

#include <string.h>

#include "base/buf.h"
#include "base/test.h"

static void tokens(void)
{
	CHECK(chunk_tokens(S("")) == 0 && chunk_tokens(S(" \n\t")) == 0);
	CHECK(chunk_tokens(S("the cat")) == 2);
	CHECK(chunk_tokens(S("internationalization")) == 4);
	CHECK(chunk_tokens(S("f(x) = 1;")) == 7);
	CHECK(chunk_tokens(S("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e")) == 3);
	CHECK(chunk_tokens(S("\xd0\xbc\xd0\xb8\xd1\x80")) == 2);
	CHECK(chunk_tokens(S("\xff\xfe\x80")) > 0);
}

/* What must hold of every text: all that is not blank is in windows once and in order, none is larger than it may be,
 * chunks are runs of windows that leave out none, and share about as much as they should. */
static void check(struct str text, const struct chunk_options *o)
{
	struct arena a = {0};
	struct chunks c;
	chunk_text(&a, text, o, &c);
	size_t at = 0, covered = 0;
	for (size_t i = 0; i < c.n_windows; i++) {
		const struct window *w = &c.windows[i];
		CHECK(w->n && w->at >= at && w->at + w->n <= text.n);
		for (; at < w->at; at++)
			CHECK(strchr(" \n\t\r\f\v", text.p[at]) && text.p[at]);
		CHECK(chunk_tokens((struct str){text.p + w->at, w->n}) <=
		      (CHUNK_WINDOW < o->size ? CHUNK_WINDOW : o->size));
		CHECK(w->n == text.n || ((unsigned char)text.p[w->at] & 0xc0) != 0x80 || w->at == 0);
		at = w->at + w->n;
	}
	for (size_t i = 0; i < c.n; i++) {
		const struct chunk *k = &c.chunks[i];
		CHECK(k->n && k->first <= covered && k->first + k->n > covered && k->first + k->n <= c.n_windows);
		covered = k->first + k->n;
		CHECK(o->header ||
		      chunk_tokens(k->text) <= o->size + (int64_t)k->n); /* a word cut in two counts twice */
	}
	CHECK(covered == c.n_windows);
	arena_free(&a);
}

static struct str words(struct buf *b, int n)
{
	buf_clear(b);
	for (int i = 0; i < n; i++)
		buf_fmt(b, "w%d%s", i, i % 11 == 10 ? ".\n" : i % 97 == 96 ? "\n\n# Part\n" : " ");
	return buf_str(b);
}

static void all_texts(void)
{
	static const struct chunk_options options[] = {
	    {.size = 800, .overlap = 400},   {.size = 100, .overlap = 0},
	    {.size = 100, .overlap = 50},    {.size = 1200, .overlap = 250},
	    {.size = 4096, .overlap = 2048}, {.size = 800, .overlap = 400, .header = true},
	    {.size = 300, .overlap = 150}};
	struct buf b;
	buf_init(&b, 16 << 20);
	for (size_t o = 0; o < sizeof options / sizeof *options; o++) {
		for (int n = 0; n < 3000; n = n * 2 + 1)
			check(words(&b, n), &options[o]);
		check(S(""), &options[o]);
		check(S("   \n\n\f  "), &options[o]);
		buf_clear(&b);
		for (int i = 0; i < 5000; i++)
			buf_add(&b, S("\xe6\x97\xa5"));
		check(buf_str(&b), &options[o]);
		buf_clear(&b);
		for (int i = 0; i < 50000; i++)
			buf_byte(&b, 'a');
		check(buf_str(&b), &options[o]);
		buf_clear(&b);
		for (int i = 0; i < 5000; i++)
			buf_byte(&b, (char)(i * 7 + i / 256));
		check(buf_str(&b), &options[o]);
	}
	buf_release(&b);
}

static void overlap(void)
{
	struct arena a = {0};
	struct chunk_options o = {.size = 800, .overlap = 400};
	struct chunks c;
	struct buf b;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 2000; i++)
		buf_add(&b, S("word "));
	chunk_text(&a, buf_str(&b), &o, &c);
	CHECK(c.n_windows == 10 && c.n == 4);
	for (size_t i = 0; i < c.n; i++)
		CHECK(c.chunks[i].first == 2 * i && c.chunks[i].n == 4);
	buf_release(&b);
	arena_free(&a);
}

static void breaks(void)
{
	struct arena a = {0};
	struct chunk_options o = {.size = 100, .overlap = 0};
	struct chunks c;
	struct buf b;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 60; i++)
		buf_add(&b, S("one "));
	buf_add(&b, S("\n\n## Next\n"));
	for (int i = 0; i < 60; i++)
		buf_add(&b, S("two "));
	chunk_text(&a, buf_str(&b), &o, &c);
	CHECK(c.n_windows == 2 && str_starts(c.windows[1].text, S("## Next\ntwo")));
	arena_free(&a);
	buf_release(&b);
}

static void pages(void)
{
	struct arena a = {0};
	struct chunk_options o = {.size = 800, .overlap = 400};
	struct chunks c;
	chunk_text(&a, S("first page\n\fsecond page\n\f\fthe fourth"), &o, &c);
	CHECK(c.n_windows == 3 && c.n == 1);
	CHECK(c.windows[0].page == 1 && c.windows[1].page == 2 && c.windows[2].page == 4 && c.chunks[0].page == 1);
	chunk_text(&a, S("no pages"), &o, &c);
	CHECK(c.n == 1 && c.chunks[0].page == 0);
	arena_free(&a);
}

static void header(void)
{
	struct arena a = {0};
	struct chunk_options o = {.size = 100, .overlap = 0, .header = true};
	struct chunks c;
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, S("name,age\n"));
	for (int i = 0; i < 100; i++)
		buf_fmt(&b, "anna%d,%d\n", i, i);
	chunk_text(&a, buf_str(&b), &o, &c);
	CHECK(c.n > 2);
	for (size_t i = 0; i < c.n; i++) {
		CHECK(str_starts(c.chunks[i].text, S("name,age\nanna")));
		CHECK(c.chunks[i].text.p[c.chunks[i].text.n - 1] == '\n'); /* rows stay whole */
	}
	for (size_t i = 0; i < c.n_windows; i++)
		CHECK(str_starts(c.windows[i].text, S("name,age\n")));
	CHECK_STR(c.header, S("name,age\n"));
	chunk_text(&a, S("\"first\nline\",age\nanna,3\n"), &o, &c);
	CHECK_STR(c.header, S("\"first\nline\",age\n"));
	/* what would fill a window is no header */
	static const char *const none[] = {"name,age", "\"name,age\nanna,3\n", "", "\n"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		chunk_text(&a, str_of(none[i]), &o, &c);
		CHECK(c.header.n == (i == 3));
	}
	buf_clear(&b);
	for (int i = 0; i < 1000; i++)
		buf_fmt(&b, "column%d,", i);
	buf_add(&b, S("\n1,2,3\n"));
	chunk_text(&a, buf_str(&b), &o, &c);
	CHECK(!c.header.n && c.n > 2 && c.chunks[2].text.n < 1000);
	buf_release(&b);
	arena_free(&a);
}

static void title(void)
{
	struct arena a = {0};
	struct chunk_options o = {.size = 200, .overlap = 100, .title = STR("Of sentences")};
	struct chunks c;
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, S("# Of sentences\n\n"));
	for (int i = 0; i < 100; i++)
		buf_fmt(&b, "Sentence %d is here. ", i);
	chunk_text(&a, buf_str(&b), &o, &c);
	CHECK(c.n > 2 && !c.header.n);
	for (size_t i = 0; i < c.n_windows; i++)
		CHECK(str_starts(c.windows[i].text, i ? S("Of sentences\nSentence") : S("# Of sentences\n\nSentence")));
	for (size_t i = 1; i < c.n; i++)
		CHECK(str_starts(c.chunks[i].text, S("Sentence")));
	static char word[202];
	memset(word, 'x', 201);
	o.title = str_of(word);
	chunk_text(&a, buf_str(&b), &o, &c);
	CHECK(str_starts(c.windows[1].text, S("Sentence")));
	buf_release(&b);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {{"tokens", tokens},   {"what holds of all texts", all_texts},
						 {"overlap", overlap}, {"breaks", breaks},
						 {"pages", pages},     {"header", header},
						 {"title", title}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
