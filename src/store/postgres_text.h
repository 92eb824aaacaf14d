/* postgres_text.h - texts that a column of PostgreSQL does not take.
 *
 * A text there is UTF-8 without NUL; what clients send and what files in containers are called may be any bytes. Each byte
 * that does not fit is written as U+10FFFF (a code point that Unicode gives to nobody) and two hex digits, and a U+10FFFF that
 * was in the text likewise: so every text comes back to the byte, and two texts are equal as they were. Pure. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

/* What the column gets: `s` itself, or a text in `a`. */
struct str postgres_text_in(struct arena *a, struct str s);
/* What was meant by it: `s` itself, or a text in `a`. */
struct str postgres_text_out(struct arena *a, struct str s);
