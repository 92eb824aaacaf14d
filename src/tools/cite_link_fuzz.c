/* cite_link_fuzz.c - any text: what is cited lies in it, in order, and begins with the address. */
#include "tools/cite_link.h"

#include <stdlib.h>

struct told {
	struct cite_sink sink;
	int64_t end, most;
};

static void on_cited(struct cite_sink *sink, const struct cite_source *source, int64_t start, int64_t end)
{
	struct told *t = (struct told *)sink;
	if (start < t->end || end <= start || end > t->most || source->kind != CITE_CONTAINER)
		abort();
	t->end = end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t half = n ? data[0] % (n + 1) : 0;
	struct str name = {(const char *)data, half}, text = {(const char *)data + half, n - half};
	const struct cite_source sources[] = {{.kind = CITE_CONTAINER, .title = name},
					      {.kind = CITE_CONTAINER, .title = STR("a/b c.png")}};
	struct told t = {.sink.cited = on_cited, .most = (int64_t)text.n};
	cite_links(text, sources, 2, &t.sink);
	return 0;
}
