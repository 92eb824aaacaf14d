/* utf8.h - UTF-8 that others cut (The Unicode Standard, table 3-7).
 *
 * Some programs cut a text between the bytes of one character, others between the two halves of a surrogate pair. The
 * pieces are joined again here; what can never be joined becomes U+FFFD, as in the WHATWG's decoders. Pure. */
#pragma once
#include "base/buf.h"

/* Length of the well-formed sequence at `p` (n > 0 bytes), or 0; *bad is then how many bytes make one U+FFFD. */
size_t utf8_len(const unsigned char *p, size_t n, size_t *bad);

bool utf8_valid(struct str s);

/* A text in pieces. {0} is its start. */
struct utf8_join {
	char tail[8]; /* bytes that wait for the next piece */
	int n;
};
/* The next piece as well-formed text. A half of a surrogate pair stands in it as its three bytes ED A0 80 .. ED BF BF
 * (utf8_halves() writes them). The result is `in` itself, or lives in `room` until that is used again. */
struct str utf8_join(struct utf8_join *j, struct str in, struct buf *room);
/* The text is over: U+FFFD for a tail that still waits, else "". */
struct str utf8_join_end(struct utf8_join *j);
/* Appends the JSON text `in`, with its lone escapes of surrogates (RFC 8259, 8.2) as three bytes each, so that a parser
 * that refuses them can read it; false when there are none. */
bool utf8_halves(struct str in, struct buf *out);
