/* image_fuzz.c - any bytes as a picture: nothing is read beyond them, and a size is never 0. */
#include <assert.h>

#include "wire/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_head h;
	bool ok = image_head((struct str){(const char *)data, size}, &h);
	assert(!ok || (h.kind && h.width && h.height && image_type(h.kind).n));
	return 0;
}
