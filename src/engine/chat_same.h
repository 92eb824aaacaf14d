/* chat_same.h - chunks that differ from the last one in one string alone.
 *
 * The chunks of an answer share all their bytes but those of the delta's text. The parser tells which string of a chunk
 * it has read, and that it has read nothing else; the bytes before and behind it are kept. A next chunk with the same
 * bytes around another string means the same with another text, since what a JSON text means behind the beginning of a
 * string does not depend on what stands in that string (RFC 8259, 7). All else is for the parser: an empty string, `\u`
 * escapes, bytes that are no UTF-8, control characters, another quote. Pure. */
#pragma once
#include "engine/engine.h"

enum { SAME_ROOM = 256 }; /* bytes of a string with escapes; a longer one is for the parser */

struct chat_same {
	char *p; /* the bytes before and behind the string; NULL: nothing is kept */
	uint16_t before, behind;
	enum model_event_kind kind; /* of the string */
	bool off;                   /* for tests: every chunk is parsed */
};
void chat_same_release(struct chat_same *m);
/* The chunk `data` was read, and of it nothing but the string whose first byte stands at `at`, as words of `kind`. */
void chat_same_keep(struct chat_same *m, struct str data, size_t at, enum model_event_kind kind);
/* The string of `data`, if all around it is what was kept. *text lives in `data` or in `room`; it is never empty. */
bool chat_same_read(const struct chat_same *m, struct str data, char room[SAME_ROOM], struct str *text);
