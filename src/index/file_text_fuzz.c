/* file_text_fuzz.c - any bytes as a file that is text: its text is UTF-8, and no longer than what it came from allows.
 * What is read in a box (PDF, office files, HTML, UTF-16) has fuzz targets of its own. */
#include "index/file_text.h"

#include <assert.h>
#include <string.h>

#include "index/office.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str names[] = {STR("a.txt"), STR("a.json"), STR("a.CSV"),
					   STR("a.tsv"), STR("json"),   STR("a.md")};
	struct arena a = {0};
	struct file_text got;
	struct err e = {0};
	if (size < 2)
		return 0;
	struct str bytes = {(const char *)data + 1, size - 1}, name = names[data[0] % 6];
	bool wide = bytes.n > 1 && (memcmp(bytes.p, "\xff\xfe", 2) == 0 || memcmp(bytes.p, "\xfe\xff", 2) == 0);
	if (wide || str_starts(bytes, S("%PDF-")) || office_like(bytes))
		return 0;
	if (file_text(&a, name, bytes, NULL, &got, &e)) {
		assert(got.text.n && utf8_valid(got.text));
		assert(got.header == (data[0] % 6 == 2 || data[0] % 6 == 3));
		assert(data[0] % 6 == 1 || got.text.n <= bytes.n);
		assert(!got.title.n || (data[0] % 6 == 5 && utf8_valid(got.title)));
	} else {
		assert(e.code && *e.msg);
	}
	arena_free(&a);
	return 0;
}
