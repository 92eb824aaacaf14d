/* reader.h - bytes of strangers as text, parsed by libraries (libgumbo, libxml2, iconv) in a box of their own.
 *
 * The server does not link those libraries. They are in a small program, antiphon-reader (reader_main.c), whose bytes
 * the server carries (reader_bytes), so that it is always there and always the same version. A box reads one thing and
 * ends: a page that takes over its parser can spoil its own text and no other. Blocks: worker threads. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum reader_mode {
	READER_TEXT = 't',
	READER_HTML = 'h',
	READER_OFFICE = 'o',
	READER_SKILL = 'k', /* these three: skill_reader.h, skill_archive.h */
	READER_SKILL_FILES = 'u',
	READER_SKILL_PACK = 'p'
};

struct reader_job {
	enum reader_mode mode;
	struct str charset; /* READER_TEXT, READER_HTML: of the bytes; [A-Za-z0-9_.:-], at most 40 */
	struct str bytes;   /* READER_OFFICE: parts (reader_part) */
	size_t max;         /* bytes of text; then it is cut */
	int64_t seconds, memory;
	const _Atomic bool *cancelled; /* may be NULL */
};
struct reader_text {
	struct str title, text; /* in the arena; title {0}: none */
	bool cut;
};

/* ERR_FILE_PARSE: it cannot be read, and why; ERR_CONFIG, ERR_REQUEST_TIMEOUT as sandbox_run(). */
bool reader_run(struct arena *a, const struct reader_job *job, struct reader_text *ret, struct err *e);
/* Appends one part of an office file (office_xml.h); what has no room is left out, and b->over says so. */
void reader_part(struct buf *b, int kind, struct str bytes);

/* The program, made when this is built. */
extern const unsigned char reader_bytes[];
extern const size_t reader_bytes_n;
