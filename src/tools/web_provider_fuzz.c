/* web_provider_fuzz.c - any bytes as a provider's answer: results within the bounds, of domains that fit. */
#include "tools/web_provider.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str names[] = {STR("searxng"), STR("brave"), STR("tavily")};
	struct arena a = {0};
	struct err e = {0};
	struct web_hit hits[3];
	struct web_query q = {.text = S("q"), .max = 3};
	size_t n = 0;
	if (size == 0)
		return 0;
	struct str answer = {(const char *)data + 1, size - 1};
	if (web_read_hits(&a, web_provider(names[data[0] % 3]), &q, answer, hits, &n, &e)) {
		assert(n <= q.max);
		for (size_t i = 0; i < n; i++)
			assert(web_host(hits[i].url).n && web_domain_fits(&q, hits[i].url));
	} else {
		assert(e.code == ERR_ENGINE);
	}
	arena_free(&a);
	return 0;
}
