/* told_fuzz.c - any bytes as an engine's metrics. */
#include <stdlib.h>

#include "fleet/told.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told_load l;
	bool tells = told_read((struct str){(const char *)data, size}, &l);
	if (l.running < 0 || l.waiting < 0 || (!tells && (l.running || l.waiting)))
		abort();
	return 0;
}
