/* cite_fuzz.c - any text with markers, cut anywhere: the result must not depend on the cuts. The first byte says where.
 */
#include "tools/cite.h"

#include <assert.h>
#include <string.h>

#include "loop/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct cite_sink sink;
	struct buf text;
	int64_t last;
};

static void on_text(struct cite_sink *sink, struct str s)
{
	buf_add(&OWNER(sink, struct seen, sink)->text, s);
}

static void on_cited(struct cite_sink *sink, const struct cite_source *source, int64_t start, int64_t end)
{
	struct seen *s = OWNER(sink, struct seen, sink);
	assert(start >= s->last && (source->kind == CITE_FILE ? end == start : end > start) && source->number > 0);
	s->last = end;
}

/* The first two are pages alone. */
static void run(struct str in, size_t piece, size_t n, struct buf *out)
{
	static const struct cite_source sources[] = {
	    {.number = 1, .url = STR("https://a.example/(x)"), .title = STR("A")},
	    {.number = 23, .url = STR("no address"), .title = STR("")},
	    {.number = 4, .kind = CITE_FILE, .url = STR("file-1"), .title = STR("a.txt")},
	    {.number = 5, .kind = CITE_FILE, .url = STR("file-2"), .title = STR("b.txt")}};
	struct citer c = {.n_held = 0};
	struct seen s = {.sink = {on_text, on_cited}};
	buf_init(&s.text, 8 << 20);
	for (size_t at = 0; at < in.n; at += piece)
		cite_feed(&c, sources, n, (struct str){in.p + at, piece < in.n - at ? piece : in.n - at}, &s.sink);
	cite_end(&c, sources, n, &s.sink);
	cite_list(&c, sources, n, n, &s.sink);
	buf_add(out, buf_str(&s.text));
	buf_release(&s.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;
	if (size == 0)
		return 0;
	struct str in = {(const char *)data + 1, size - 1};
	buf_init(&whole, 8 << 20);
	buf_init(&pieces, 8 << 20);
	size_t n = data[0] & 0x80 ? 4 : 2;
	run(in, size, n, &whole);
	run(in, 1 + data[0] % 16, n, &pieces);
	assert(str_eq(buf_str(&whole), buf_str(&pieces)));
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
