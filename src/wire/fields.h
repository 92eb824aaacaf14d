/* fields.h - field tables: JSON objects checked and read by rows.
 *
 * A table lists an object's members; fields_read() refuses everything else with OpenAI's own texts
 * (as recorded). Struct members are filled where a row names one; rows without a member are only
 * checked (the value is kept as JSON). Pure. */
#pragma once
#include <stddef.h>

#include "wire/json.h"

enum field_kind {
	F_BOOL,   /* -> bool */
	F_INT,    /* -> int64_t; 16.0 is an integer */
	F_NUM,    /* -> double */
	F_STR,    /* -> struct str (borrowed from the document) */
	F_ENUM,   /* -> struct str; `values` lists what is allowed, NULL-terminated */
	F_OBJECT, /* -> yyjson_val *; `sub` checks its members when given */
	F_ARRAY,  /* -> yyjson_val *; `sub` checks each element's members, `item` each element, when given */
	F_MAP,    /* -> yyjson_val *; string -> string (metadata): max pairs, max_key, max_val */
	F_ANY,    /* -> yyjson_val *; null reaches `check` unless nullable */
};

struct field;
/* A check of one's own, for unions: `path` is the value's place ("input[0].content"). */
typedef bool field_check(yyjson_val *v, const char *path, void *ctx, struct err *e);

struct field {
	struct str name;
	enum field_kind kind;
	bool required, nullable;
	int at;          /* offset of the member; -1: checked only */
	int has_at;      /* offset of a bool set to true when given and not null; <= 0: none */
	double min, max; /* F_INT, F_NUM: range; F_STR: characters; F_ARRAY/F_MAP: count. min == max == 0: none;
			  * max < min: no upper limit */
	const char *const *values;
	const struct field *sub;   /* members of the object, or of each element */
	field_check *check;        /* after the checks above, with fields_read()'s ctx */
	const char *pattern;       /* F_STR: POSIX regex, quoted in the error */
	const struct field *item;  /* F_ARRAY: a row for each element; its name and offsets are not used */
	unsigned max_key, max_val; /* F_MAP: characters; 0: no limit */
};

/* clang-format off */
/* Rows by member name: FIELD(struct create, stream, F_BOOL, .nullable = true), */
#define FIELD(T, m, k, ...) {.name = STR(#m), .kind = (k), .at = (int)offsetof(T, m), .has_at = -1, __VA_ARGS__}
/* The same, with has_<m> beside it. */
#define FIELD_HAS(T, m, k, ...) \
	{.name = STR(#m), .kind = (k), .at = (int)offsetof(T, m), .has_at = (int)offsetof(T, has_##m), __VA_ARGS__}
/* Only checked. */
#define FIELD_CHECKED(wire, k, ...) {.name = STR(wire), .kind = (k), .at = -1, .has_at = -1, __VA_ARGS__}
#define FIELD_END {.name = {0}}
/* clang-format on */

/* Checks `obj` against `f` (ends with a row whose name is {0}) and fills `out` (may be NULL). `path` is ""
 * at the top, else "tools[0]". Unknown members are ERR_UNKNOWN_PARAMETER, with "Did you mean" where near,
 * unless `tolerated` (NULL-terminated names, may be NULL) lists them. Order of the checks is the live one:
 * unknown keys first at the top level, then rows in table order. */
bool fields_read(const struct field *f, yyjson_val *obj, const char *path, const char *const *tolerated, void *out,
		 void *ctx, struct err *e);
/* One value against one row (its name is not used), for checks of unions; nothing is filled. */
bool field_value(const struct field *f, yyjson_val *v, const char *path, void *ctx, struct err *e);
/* "Invalid type for 'path': expected <expected>, but got a string instead."; always false. */
bool field_type(yyjson_val *v, const char *path, const char *expected, struct err *e);
/* "Invalid value: 'bogus'. Supported values are: ..."; always false. `values` is NULL-terminated. */
bool field_enum(struct str got, const char *path, const char *const *values, struct err *e);
/* Renders "path.name" / "name" / "path[3]" into a buffer of 128 bytes, for checks. Of a longer one the middle is left
 * out: "input[0].content...filters[0].key". */
void field_path(char out[128], const char *path, const char *name);
void field_index(char out[128], const char *path, size_t i);
/* "path.key" of a client's own key in `place`. ERR_NAME_TOO_LONG: it has more than `most` characters (0: any). */
bool field_key(char place[128], const char *path, struct str key, unsigned most, struct err *e);
/* "a string", "an object", "null" ... as OpenAI names types. */
const char *json_kind_name(yyjson_val *v);
/* Characters (code points) of valid UTF-8. */
size_t str_chars(struct str s);
/* Levenshtein distance, for "Did you mean" here and in the settings. At most 64 bytes are compared. */
unsigned near_distance(struct str a, struct str b);
