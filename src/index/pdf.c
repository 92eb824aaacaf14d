/* pdf.c - PDF files as text and as pictures of their pages. */
#include "index/pdf.h"

#include <stdio.h>

enum { PAGE_BYTES = 32 << 20 };

bool pdf_text(struct arena *a, const struct pdf *p, size_t max, struct str *ret, bool *cut, int64_t *n, struct err *e)
{
	char last[24];
	struct buf out;
	snprintf(last, sizeof last, "%lld", (long long)p->pages + 1);
	struct sandbox s = {.argv = {"/usr/bin/pdftotext", "-enc", "UTF-8", "-layout", "-l", last, "-", "-"},
			    .input = p->bytes, .seconds = p->seconds, .memory = p->memory, .cancelled = p->cancelled};
	buf_init(&out, max);
	bool ok = sandbox_run(&s, &out, e);
	*n = 0;
	for (size_t i = 0; ok && i < out.n; i++)
		if (out.p[i] == '\f') { /* ends a page */
			out.p[i] = '\n';
			++*n;
		}
	if (ok && *n > p->pages)
		ok = fail(e, ERR_FILE_TOO_LARGE, NULL, "it has more than %lld pages", (long long)p->pages);
	if (ok) {
		*ret = str_copy(a, str_trim(buf_str(&out)));
		*cut = out.over;
	}
	buf_release(&out);
	return ok;
}

bool pdf_page(struct arena *a, const struct pdf *p, int64_t page, int pixels, struct str *png, struct err *e)
{
	char number[24], size[24];
	struct buf out;
	snprintf(number, sizeof number, "%lld", (long long)page);
	snprintf(size, sizeof size, "%d", pixels);
	struct sandbox s = {.argv = {"/usr/bin/pdftoppm", "-png", "-singlefile", "-f", number, "-l", number, "-scale-to", size,
				     "-"},
			    .input = p->bytes, .seconds = p->seconds, .memory = p->memory, .cancelled = p->cancelled};
	buf_init(&out, PAGE_BYTES);
	bool ok = sandbox_run(&s, &out, e) && (!out.over || fail(e, ERR_FILE_PARSE, NULL, "a page is too large as a picture"));
	if (ok)
		*png = str_copy(a, buf_str(&out));
	buf_release(&out);
	return ok;
}
