/* office.h - docx, pptx and xlsx files (Office Open XML) as text: unpacked by bsdtar and read by libxml2,
 * both in boxes (reader.h).
 *
 * Paragraphs and rows become lines, cells are parted by tabs, slides and sheets are headed by their number. No DTD is
 * ever read, so no entity grows. Blocks: worker threads. */
#pragma once
#include "base/arena.h"
#include "sandbox/sandbox.h"

struct office {
	struct str bytes;
	int64_t seconds, memory; /* seconds for all; memory of each run of the program */
	const _Atomic bool *cancelled;
};
/* A zip archive, which they all are? */
bool office_like(struct str bytes);
/* At most `max` bytes of text, then *cut. ERR_MEDIA_TYPE: another kind of archive. */
bool office_text(struct arena *a, const struct office *o, size_t max, struct str *ret, bool *cut, struct err *e);
