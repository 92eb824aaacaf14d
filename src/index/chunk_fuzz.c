/* chunk_fuzz.c - any text in chunks of any size: windows stay within the text and in order. */
#include "index/chunk.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct chunks c;
	if (size < 4)
		return 0;
	struct chunk_options o = {.size = 100 + data[0] * 16, .header = data[2] & 1};
	o.overlap = o.size / 2 * data[1] / 255;
	struct str text = {(const char *)data + 3, size - 3};
	chunk_text(&a, text, &o, &c);
	for (size_t i = 0, at = 0; i < c.n_windows; i++) {
		assert(c.windows[i].n && c.windows[i].at >= at && c.windows[i].at + c.windows[i].n <= text.n);
		at = c.windows[i].at + c.windows[i].n;
	}
	for (size_t i = 0; i < c.n; i++)
		assert(c.chunks[i].n && c.chunks[i].first + c.chunks[i].n <= c.n_windows);
	arena_free(&a);
	return 0;
}
