/* schema_fuzz.c - any schema against any value: "[schema, value]". */
#include "wire/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *both;
	if (json_parse(&a, (struct str){(const char *)data, size}, &both, &e)) {
		struct err strict = {0}, sane = {0}, fits = {0};
		yyjson_val *schema = yyjson_arr_get(both, 0), *value = yyjson_arr_get(both, 1);
		schema_strict(schema, ERR_BAD_SCHEMA, "p", S("n"), &strict);
		schema_sane(schema, ERR_BAD_SCHEMA, "p", S("n"), &sane);
		if (schema && value)
			schema_fits(schema, value, &fits);
	}
	arena_free(&a);
	return 0;
}
