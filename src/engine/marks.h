/* marks.h - marks: what an engine signs, and wants back with what it said (marks.def).
 *
 * Gemini refuses each further call of a tool loop without its signatures, OpenRouter likewise. Marks travel as one JSON
 * object, {"message": {...}, "call": {...}, "function": {...}}: the place, then the members that stood there. They come
 * in pieces, which json_sum() adds up. Pure. */
#pragma once
#include "wire/json_sum.h"

enum mark_place { MARK_MESSAGE = 1, MARK_CALL = 2, MARK_FUNCTION = 4 };

/* Is this member, with a value that says something, one? */
bool mark_is(enum mark_place place, struct str name, yyjson_val *v);
/* Appends the marks of one piece of an answer: of a message, or of a call and its function (NULL: none). Nothing where
 * there are none. Bytes that are no UTF-8 become U+FFFD. false: more than out->max, or too deep. */
bool marks_read(struct buf *out, yyjson_val *message, yyjson_val *call, yyjson_val *function);
/* Writes the members of one place out of pieces of marks. */
void marks_put(struct jout *o, struct str pieces, enum mark_place place);
/* The same of marks that were read. */
void marks_put_of(struct jout *o, yyjson_val **marks, size_t n, enum mark_place place);
