/* fields.h - field tables: JSON objects checked and read by rows.
 *
 * A table lists an object's members; fields_check() refuses everything else with OpenAI's own texts
 * (api-surface G2). Struct members are filled where a row names one; rows without a member are only
 * checked (the value is kept as JSON). Pure. */
#pragma once
#include "wire/json.h"

enum field_kind {
	F_BOOL,   /* -> bool */
	F_INT,    /* -> int64_t */
	F_NUM,    /* -> double */
	F_STR,    /* -> struct str (borrowed from the document) */
	F_ENUM,   /* -> struct str; `values` lists what is allowed, NULL-terminated */
	F_OBJECT, /* -> yyjson_val *; `sub` checks its members when given */
	F_ARRAY,  /* -> yyjson_val *; `sub`/`item` check each element when given */
	F_MAP,    /* -> yyjson_val *; string -> string (metadata): min/max/min_len/max_len */
	F_ANY,    /* -> yyjson_val * */
};

struct field;
/* A check of one's own, for unions: `path` is the value's place ("input[0].content"). */
typedef bool field_check(yyjson_val *v, const char *path, void *ctx, struct err *e);

struct field {
	struct str name;
	enum field_kind kind;
	bool required, nullable;
	int at;                   /* offset of the member; -1: checked only */
	int has_at;               /* offset of a bool set to true when given and not null; -1: none */
	double min, max;          /* F_INT, F_NUM: range; F_STR: bytes->characters; F_ARRAY/F_MAP: count. min == max == 0: none */
	const char *const *values;
	const struct field *sub;  /* members of the object, or of each element */
	field_check *check;       /* after the checks above, with fields_check()'s ctx */
	const char *pattern;      /* F_STR: POSIX regex, quoted in the error */
};

/* Checks `obj` against `f` (ends with a row whose name is {0}) and fills `out` (may be NULL). `path` is ""
 * at the top, else "tools[0]". Unknown members are ERR_UNKNOWN_PARAMETER, with "Did you mean" where near,
 * unless `tolerated` (NULL-terminated names, may be NULL) lists them. Order of the checks is the live one:
 * unknown keys first at the top level, then rows in table order. */
bool fields_read(const struct field *f, yyjson_val *obj, const char *path, const char *const *tolerated, void *out,
                 void *ctx, struct err *e);
/* Renders "path.name" / "name" / "path[3]" into a buffer of 128 bytes, for checks. */
void field_path(char out[128], const char *path, const char *name);
void field_index(char out[128], const char *path, size_t i);
/* "a string", "an object", "null" ... as OpenAI names types. */
const char *json_kind_name(yyjson_val *v);
/* Levenshtein distance, for "Did you mean" here and in the settings. At most 64 bytes are compared. */
unsigned near_distance(struct str a, struct str b);
