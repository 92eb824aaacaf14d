/* cite_link_test.c - which links are cited, and where they stand. */
#include "tools/cite_link.h"

#include <stdio.h>

#include "base/test.h"

static const struct cite_source sources[] = {
    {.number = -1, .kind = CITE_CONTAINER, .url = STR("a"), .title = STR("a.txt")},
    {.number = -1, .kind = CITE_CONTAINER, .url = STR("b"), .title = STR("a.txt.bak")},
    {.number = -1, .kind = CITE_CONTAINER, .url = STR("c"), .title = STR("dir/my file (1).png")},
    {.number = -1, .kind = CITE_CONTAINER, .url = STR("d"), .title = STR("\xc3\xbc.csv")},
    {.number = 1, .kind = CITE_FILE, .url = STR("e"), .title = STR("e.txt")},
};

struct told {
	struct cite_sink sink;
	char text[512];
	size_t n;
};

static void on_cited(struct cite_sink *sink, const struct cite_source *source, int64_t start, int64_t end)
{
	struct told *t = (struct told *)sink;
	t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%.*s:%lld-%lld ", FMT(source->url), (long long)start,
				 (long long)end);
}

static void links(void)
{
	static const struct {
		const char *text, *told;
	} rows[] = {
	    {"[x](sandbox:/mnt/data/a.txt)", "a:4-27 "},
	    {"\xc3\xa4\xc3\xb6 ![x](sandbox:/mnt/data/a.txt) and sandbox:/mnt/data/a.txt.", "a:8-31 a:37-60 "},
	    {"(sandbox:/mnt/data/a.txt.bak)", "b:1-28 "},
	    {"(sandbox:/mnt/data/a.txt.baker)", ""},
	    {"(sandbox:/mnt/data/a.txtx) (sandbox:/mnt/data/a.tx)", ""},
	    {"[p](sandbox:/mnt/data/dir/my%20file%20(1).png)", "c:4-45 "},
	    {"[p](sandbox:/mnt/data/dir/my file (1).png)", "c:4-41 "},
	    {"(sandbox:/mnt/data/%C3%BC.csv) (sandbox:/mnt/data/\xc3\xbc.csv)", "d:1-29 d:32-55 "},
	    {"(sandbox:/mnt/data/e.txt) sandbox:/mnt/data/ sandbox:/mnt/data/%", ""},
	    {"sandbox:/mnt/data/sandbox:/mnt/data/a.txt", "a:18-41 "},
	    {"", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct told t = {.sink.cited = on_cited};
		cite_links(str_of(rows[i].text), sources, sizeof sources / sizeof *sources, &t.sink);
		CHECK_STR(str_of(t.text), str_of(rows[i].told));
	}
}

int main(void)
{
	static const struct test_case cases[] = {{"links", links}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
