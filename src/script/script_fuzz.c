/* script_fuzz.c - whatever a box says: it is refused, or no more than was said is believed. */
#include <assert.h>

#include "script/limits.h"
#include "script/script.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena a = {0};
	struct script_result r;
	if (script_read(&a, (struct str){(const char *)data, n}, &r)) {
		size_t told = r.text.n + r.why.n;
		for (size_t i = 0; i < r.n_calls; i++)
			told += r.calls[i].name.n + r.calls[i].args.n;
		assert(told <= n && r.n_calls <= (size_t)script_limits.calls);
		assert((r.end == SCRIPT_CALLS) == (r.n_calls > 0));
	}
	arena_free(&a);
	return 0;
}
