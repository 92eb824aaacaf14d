/* folder_name_fuzz.c - any bytes as names: what fits leads nowhere else, and what is made of a name fits. */
#include <stdlib.h>
#include <string.h>

#include "container/folder.h"
#include "container/folder_name.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct str any = {(const char *)data, n};
	struct str path = str_fmt(&a, "/%.*s/", FMT(any));
	if (folder_path_fits(any) && (memmem(path.p, path.n, "/../", 4) || memmem(path.p, path.n, "/./", 3) ||
				      memmem(path.p, path.n, "//", 2) || memchr(any.p, 0, n)))
		abort();
	struct str made = folder_name(&a, S("cfile_0123456789abcdef"), any);
	if (made.n > 255 || !str_starts(made, S("cfile_")))
		abort();
	if (utf8_valid(any) && !memchr(any.p ? any.p : "", '/', n) && !utf8_valid(made))
		abort();
	arena_free(&a);
	return 0;
}
