/* html_fuzz.c - any bytes as a page: text within the bound, in whole characters of UTF-8. */
#include <assert.h>

#include "index/extract.h"
#include "wire/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { MOST = 2000 };
	static const struct str types[] = {STR("text/html"), STR("text/html; charset=utf-16"), STR("text/plain"), {0}};
	struct arena a = {0};
	struct page_text p;
	struct err e = {0};
	if (size == 0)
		return 0;
	if (extract_text(&a, types[data[0] % 4], (struct str){(const char *)data + 1, size - 1}, MOST, &p, &e)) {
		assert(p.text.n <= MOST && (!p.text.n || ((unsigned char)p.text.p[0] & 0xc0) != 0x80));
		assert(str_chars(p.text) <= p.text.n);
	}
	arena_free(&a);
	return 0;
}
