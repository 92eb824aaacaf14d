/* guard_fuzz.c - any bytes as a URL and as a block of addresses: what the list allows may only widen what is open. */
#include <assert.h>

#include "net/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct guard none;
	struct str text = {(const char *)data, n};
	struct arena a = {0};
	struct err e = {0};
	struct guard g;
	const char *why;
	enum guard_verdict strict = guard_url(&none, text, &why), wide;
	assert(!why == (strict == GUARD_OPEN));
	static const struct str all[] = {STR("0.0.0.0/0"), STR("::/0")};
	if (guard_read(&a, all, 2, &g, &e)) {
		wide = guard_url(&g, text, &why);
		assert(wide == (strict == GUARD_REFUSED ? GUARD_OPEN : strict));
	}
	guard_read(&a, &text, 1, &g, &e);
	arena_free(&a);
	return 0;
}
