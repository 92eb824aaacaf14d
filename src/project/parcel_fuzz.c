/* parcel_fuzz.c - any bytes as a line of an export: no crash, and a row that is understood is written the same again.
 */
#include <string.h>

#include "project/parcel.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a = {0};
	struct err e = {0};
	struct bind binds[PARCEL_CELLS];
	struct cell cells[PARCEL_CELLS];
	yyjson_val *v, *again;
	enum kind k;
	unsigned count;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	if (json_parse(&a, (struct str){(const char *)p, n}, &v, &e) &&
	    parcel_row_read(&a, v, 1, &k, binds, &count, &e)) {
		memset(cells, 0, sizeof cells);
		for (unsigned i = 0; i < count; i++) {
			if (binds[i].kind == BIND_INT)
				cells[i].i = binds[i].i;
			else if (binds[i].kind != BIND_NULL)
				cells[i].s = binds[i].s;
		}
		if (!parcel_row_write(&b, k, cells, &e) || !json_parse(&a, buf_str(&b), &again, &e) ||
		    !json_same(json_get(v, S("cells")), json_get(again, S("cells"))))
			__builtin_trap();
	}
	buf_release(&b);
	arena_free(&a);
	return 0;
}
