/* office_xml_fuzz.c - any bytes as a part of an office file: text within the bound. */
#include <assert.h>

#include "index/office_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { MOST = 4000 };
	static const enum office_part kinds[] = {OFFICE_PROSE, OFFICE_STRINGS, OFFICE_SHEET};
	struct arena a = {0};
	struct buf out;
	struct err e = {0};
	struct office_xml r = {.a = &a, .out = &out};
	if (size == 0)
		return 0;
	buf_init(&out, MOST);
	buf_init(&r.value, MOST);
	struct str bytes = {(const char *)data + 1, size - 1};
	if (data[0] & 4) /* with strings of its own before it */
		office_xml_read(&r, OFFICE_STRINGS, S("<sst><si><t>a</t></si><si><t>b</t></si></sst>"), &e);
	office_xml_read(&r, kinds[data[0] % 3], bytes, &e);
	assert(out.n <= MOST);
	buf_release(&out);
	buf_release(&r.value);
	arena_free(&a);
	return 0;
}
