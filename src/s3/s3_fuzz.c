/* s3_fuzz.c - what a store answers: a page of a list, and any element of it. */
#include <assert.h>

#include "s3/s3_list.h"
#include "s3/s3_xml.h"

static bool s3_fuzz_each(void *ctx, const struct s3_found *f, struct err *e)
{
	size_t *n = ctx;
	assert(f->at >= 0 && (!f->name.n || f->name.p));
	return ++*n < 100000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct str xml = {(const char *)data, size};
	struct s3_page_next next;
	struct err e = {0};
	size_t n = 0;
	s3_page(&a, xml, S("p/"), &next, s3_fuzz_each, &n, &e);
	struct s3_xml x = {.rest = xml};
	struct s3_xml_part p;
	for (n = 0; s3_xml_next(&x, &p); n++)
		assert(p.name.n && p.name.n + p.text.n <= size);
	assert(n <= size);
	struct str code = s3_xml_find(&a, xml, S("Code"));
	assert(code.n <= size);
	arena_free(&a);
	return 0;
}
