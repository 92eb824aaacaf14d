/* json.h - JSON in (yyjson); jout.h writes.
 *
 * Reading gives yyjson's immutable values inside an arena. Pure: any thread. */
#pragma once
#include <yyjson.h>

#include "base/arena.h"
#include "base/err.h"
#include "wire/jout.h"
#include "wire/utf8.h"

/* Parses the whole of `text`. Refused (ERR_BAD_JSON, with OpenAI's text): syntax, invalid UTF-8, a depth
 * of more than `json_depth` (128), anything after the value. "\u0000" in strings is kept. */
bool json_parse(struct arena *a, struct str text, yyjson_val **ret, struct err *e);

static inline struct str json_str(yyjson_val *v) /* {0} when not a string */
{
	return (struct str){yyjson_get_str(v), yyjson_get_len(v) * (size_t)yyjson_is_str(v)};
}
/* Member of an object; NULL when absent or `obj` is no object. */
yyjson_val *json_get(yyjson_val *obj, struct str key);
/* Renders a value back, in its own key order, into `a`. */
struct str json_text(struct arena *a, yyjson_val *v);
/* Renders any value, however deep and whatever its bytes; *n bytes that the caller frees with xfree(). */
char *json_render(yyjson_val *v, size_t *n);
/* Deep equality, key order ignored. */
bool json_same(yyjson_val *a, yyjson_val *b);
