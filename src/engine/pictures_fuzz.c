/* pictures_fuzz.c - an image engine's answer, whatever it says. */
#include "engine/pictures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct err e = {0};
	struct picture_answer got;
	struct str body = str_copy(&a, (struct str){(const char *)data, n});
	if (picture_read(&a, body, (struct str){0}, &got, &e))
		for (size_t i = 0; i < got.n; i++)
			if (!picture_format(&got.at[i]).n || !picture_size(&a, &got.at[i]).n)
				__builtin_trap();
	arena_free(&a);
	return 0;
}
