/* json_fuzz.c - what parses is written back to the same value; a field table takes any document. */
#include <assert.h>

#include "wire/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const kinds[] = {"a", "b", "c", NULL};
static const struct field kind_item = {.kind = F_ENUM, .values = kinds};
static const struct field inner[] = {
    FIELD_CHECKED("n", F_STR, .required = true, .min = 1, .max = 4, .pattern = "^[a-z-]+$"),
    FIELD_CHECKED("p", F_STR, .nullable = true, .pattern = "^(a|bc)*$"),
    FIELD_END,
};
static const struct field rows[] = {
    FIELD_CHECKED("b", F_BOOL),
    FIELD_CHECKED("i", F_INT, .min = 1, .max = 20),
    FIELD_CHECKED("f", F_NUM, .nullable = true),
    FIELD_CHECKED("o", F_OBJECT, .sub = inner),
    FIELD_CHECKED("l", F_ARRAY, .max = 3, .sub = inner),
    FIELD_CHECKED("k", F_ARRAY, .min = 1, .item = &kind_item),
    FIELD_CHECKED("m", F_MAP, .max = 3, .max_key = 3, .max_val = 3),
    FIELD_END,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *v, *back;
	if (json_parse(&a, (struct str){(const char *)data, size}, &v, &e)) {
		struct str text = json_text(&a, v);
		assert(json_parse(&a, text, &back, &e));
		assert(json_same(v, back) || !json_same(v, v)); /* with a key twice, nothing is the same */
		assert(str_eq(text, json_text(&a, back)));
		fields_read(rows, v, "", NULL, NULL, NULL, &e);
	}
	/* The writer makes valid JSON of any bytes. */
	struct buf b;
	struct err none = {0};
	buf_init(&b, 1 << 24);
	struct jout o = {.b = &b};
	jo_str(&o, (struct str){(const char *)data, size});
	assert(size == 0 || json_parse(&a, buf_str(&b), &back, &none));
	buf_release(&b);
	arena_free(&a);
	return 0;
}
