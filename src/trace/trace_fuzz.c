/* trace_fuzz.c - a client's traceparent and tracestate, split at the first line break. */
#include <assert.h>
#include <string.h>

#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct str rest = {(const char *)data, size}, parent = str_cut(&rest, '\n');
	struct trace t;
	trace_begin(&t, parent, rest, &a);
	struct str lines = trace_headers(&t, 7, &a);
	assert(t.span && lines.n > 2 && !memcmp(lines.p + lines.n - 2, "\r\n", 2));
	assert(!memchr(lines.p, 0, lines.n));
	arena_free(&a);
	return 0;
}
