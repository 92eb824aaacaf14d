/* html_fuzz.c - any bytes as a page, as the program in the box reads them (reader_main.c): text within the bound, in whole
 * characters of UTF-8. */
#include <assert.h>

#include "index/charset.h"
#include "index/html.h"
#include "wire/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { MOST = 2000 };
	static const struct str charsets[] = {STR("UTF-8"), STR("utf-16"), STR("ISO-2022-JP"), STR("gb18030")};
	struct arena a = {0};
	struct page_text p;
	if (size == 0)
		return 0;
	struct str text = charset_to_utf8(&a, charsets[data[0] % 4], (struct str){(const char *)data + 1, size - 1});
	if (html_text(&a, text, MOST, &p)) {
		assert(p.text.n <= MOST && (!p.text.n || ((unsigned char)p.text.p[0] & 0xc0) != 0x80));
		assert(str_chars(p.text) <= p.text.n);
	}
	arena_free(&a);
	return 0;
}
