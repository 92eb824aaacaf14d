/* office_xml.h - the XML of docx, pptx and xlsx files as text, by libxml2. Runs in a box over foreign bytes (reader.c).
 *
 * No DTD is read, whatever its encoding, so no entity grows. One thread. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum office_part { OFFICE_PROSE = 'p', OFFICE_STRINGS = 's', OFFICE_SHEET = 't', OFFICE_HEADING = 'h' };

struct office_xml {
	struct arena *a;
	struct buf *out;
	struct str *strings; /* xlsx: what cells share */
	size_t n, cap;
	/* where the walk stands */
	bool text, properties, shared;
	int64_t column; /* xlsx: of the last cell in the row */
	struct buf value;
};

/* The parts one after another, in a {a, out, value} of one file. `part` is the XML of a document or slide, of the
 * strings or of a sheet; or a heading, which is written as it is. ERR_FILE_PARSE. */
bool office_xml_read(struct office_xml *r, enum office_part kind, struct str part, struct err *e);
