/* pdf.h - PDF files as text and as pictures of their pages, by poppler in the sandbox. Blocks: worker threads. */
#pragma once
#include "base/arena.h"
#include "sandbox/sandbox.h"

struct pdf {
	struct str bytes;
	int64_t pages, seconds, memory; /* more pages: ERR_FILE_TOO_LARGE; the others of one program */
	const _Atomic bool *cancelled;
};
/* The text of all pages, at most `max` bytes (then *cut), and how many pages there are. */
bool pdf_text(struct arena *a, const struct pdf *p, size_t max, struct str *ret, bool *cut, int64_t *n, struct err *e);
/* A page (from 1) as PNG, its longer side `pixels` long. */
bool pdf_page(struct arena *a, const struct pdf *p, int64_t page, int pixels, struct str *png, struct err *e);
