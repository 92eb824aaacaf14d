/* jout.h - JSON out: an append-only writer.
 *
 * Appends to a struct buf; commas are the writer's business, and so are quotes. What the values are and
 * whether keys and values alternate is the caller's. Pure: any thread. */
#pragma once
#include <yyjson.h>

#include "base/buf.h"

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
void jo_raw(struct jout *o, struct str json); /* a whole value already rendered; {0} gives null */
void jo_val(struct jout *o, yyjson_val *v);
static inline void jo_null(struct jout *o)
{
	jo_raw(o, (struct str){0});
}
/* jo_key() and a value in one. */
#define jo_kstr(o, k, s) (jo_key((o), S(k)), jo_str((o), (s)))
#define jo_kint(o, k, v) (jo_key((o), S(k)), jo_int((o), (v)))
#define jo_knum(o, k, v) (jo_key((o), S(k)), jo_num((o), (v)))
#define jo_kbool(o, k, v) (jo_key((o), S(k)), jo_bool((o), (v)))
#define jo_kraw(o, k, s) (jo_key((o), S(k)), jo_raw((o), (s)))
#define jo_knull(o, k) (jo_key((o), S(k)), jo_null(o))
/* The member `key` of `from` under its own name; null where it is missing. */
static inline void jo_member_or_null(struct jout *o, yyjson_val *from, struct str key)
{
	yyjson_val *v = yyjson_obj_getn(from, key.p, key.n);
	jo_key(o, key);
	if (v)
		jo_val(o, v);
	else
		jo_null(o);
}
/* The same; nothing where it is missing or null. */
static inline void jo_member(struct jout *o, yyjson_val *from, struct str key)
{
	yyjson_val *v = yyjson_obj_getn(from, key.p, key.n);
	if (v && !yyjson_is_null(v))
		jo_member_or_null(o, from, key);
}
/* Appends `s` escaped, without quotes (for deltas rendered in place). */
void jo_escape(struct buf *b, struct str s);
