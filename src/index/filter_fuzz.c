/* filter_fuzz.c - any filter over any attributes: "[filter, attributes]". */
#include "index/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *both;
	if (json_parse(&a, (struct str){(const char *)data, size}, &both, &e)) {
		struct err bound = {0};
		yyjson_val *filter = yyjson_arr_get(both, 0);
		if (filter_bounded(filter, "filters", &bound))
			filter_fits(filter, yyjson_arr_get(both, 1));
	}
	arena_free(&a);
	return 0;
}
