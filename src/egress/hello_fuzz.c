/* hello_fuzz.c - the first bytes of a client of TLS: a name that is found is a host's, and more bytes do not unsay it.
 */
#include "egress/hello.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	char name[HOST_MOST + 1], again[HOST_MOST + 1];
	enum hello h = hello_read(text, name);
	assert(!*name || (h == HELLO_READ && host_fits((struct str){name, strlen(name)})));
	for (size_t cut = 0; cut < n; cut += 1 + n / 8)
		if (hello_read((struct str){text.p, cut}, again) == HELLO_READ && *again)
			assert(strcmp(name, again) == 0);
	return 0;
}
