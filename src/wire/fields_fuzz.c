/* fields_fuzz.c - any JSON against a table that has a row of each kind, with every limit there is. */
#include <stdlib.h>
#include <string.h>

#include "wire/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct all {
	bool flag;
	int64_t whole;
	double number;
	struct str text, word;
	yyjson_val *list, *map, *tight, *any, *inner;
};

static const char *const words[] = {"one", "another", NULL};
static const struct field short_text = {.kind = F_STR, .min = 1, .max = 4, .pattern = "^[a-c_-]+$"};
static const struct field inner[] = {
    FIELD_CHECKED("name", F_STR, .required = true, .min = 2, .max = 8, .pattern = "^(a|bc)*$"),
    FIELD_CHECKED("map", F_MAP, .max = 2, .max_key = 1, .max_val = 1),
    FIELD_END,
};
static const struct field rows[] = {
    FIELD(struct all, flag, F_BOOL, .nullable = true),
    FIELD(struct all, whole, F_INT, .min = -5, .max = 16),
    FIELD(struct all, number, F_NUM, .min = 0, .max = 2, .nullable = true),
    FIELD(struct all, text, F_STR, .max = 5),
    FIELD(struct all, word, F_ENUM, .values = words),
    FIELD(struct all, list, F_ARRAY, .max = 3, .item = &short_text),
    FIELD(struct all, map, F_MAP, .max = 16, .max_key = 64, .max_val = 512, .nullable = true),
    FIELD(struct all, tight, F_MAP, .max = 3, .max_key = 2, .max_val = 2),
    FIELD(struct all, any, F_ANY),
    FIELD(struct all, inner, F_OBJECT, .sub = inner),
    FIELD_END,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct err e = {0};
	struct all out = {0};
	yyjson_val *v;
	if (json_parse(&a, (struct str){(const char *)data, size}, &v, &e)) {
		bool ok = fields_read(rows, v, "", NULL, &out, NULL, &e);
		if (ok != (e.code == ERR_NONE) || (!ok && (!*e.msg || strlen(e.msg) >= sizeof e.msg)))
			abort();
	}
	arena_free(&a);
	return 0;
}
