/* json.h - JSON in (yyjson) and out (append-only writer).
 *
 * Reading gives yyjson's immutable values inside an arena. Writing appends to a struct buf; commas are
 * the writer's business. Pure: any thread. */
#pragma once
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

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
/* Deep equality, key order ignored. */
bool json_same(yyjson_val *a, yyjson_val *b);

struct jout {
	struct buf *b;
	bool comma; /* the next value needs one */
};
void jo_obj(struct jout *o);
void jo_obj_end(struct jout *o);
void jo_arr(struct jout *o);
void jo_arr_end(struct jout *o);
void jo_key(struct jout *o, struct str key);
void jo_str(struct jout *o, struct str s); /* escaped; {0} gives null; invalid UTF-8 becomes U+FFFD */
void jo_int(struct jout *o, int64_t v);
void jo_num(struct jout *o, double v); /* shortest that reads back; integers as 1.0 */
void jo_bool(struct jout *o, bool v);
void jo_null(struct jout *o);
void jo_raw(struct jout *o, struct str json); /* a whole value already rendered; {0} gives null */
void jo_val(struct jout *o, yyjson_val *v);
/* jo_key() and a value in one. */
#define jo_kstr(o, k, s) (jo_key((o), S(k)), jo_str((o), (s)))
#define jo_kint(o, k, v) (jo_key((o), S(k)), jo_int((o), (v)))
#define jo_knum(o, k, v) (jo_key((o), S(k)), jo_num((o), (v)))
#define jo_kbool(o, k, v) (jo_key((o), S(k)), jo_bool((o), (v)))
#define jo_kraw(o, k, s) (jo_key((o), S(k)), jo_raw((o), (s)))
#define jo_knull(o, k) (jo_key((o), S(k)), jo_null(o))
/* Appends `s` escaped, without quotes (for deltas rendered in place). */
void jo_escape(struct buf *b, struct str s);
