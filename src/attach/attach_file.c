/* attach_file.c - a file's bytes as what a model reads: text, and for PDF files pictures of their pages, too. */
#include <stdio.h>
#include <string.h>

#include "door/options.h"
#include "attach/attach_file.h"
#include "base/clock.h"
#include "index/extract.h"
#include "index/office.h"
#include "index/pdf.h"
#include "wire/json.h"

enum { PIXELS_LOW = 768, PIXELS_HIGH = 1536 };

static struct str attach_file_name_of(const struct attachment *at)
{
	return at->part.detail.n ? at->part.detail : at->name.n ? at->name : S("file");
}

static bool attach_file_put_text(struct attachment *at, struct str text, struct str note)
{
	size_t chars = str_chars(text);
	if ((int64_t)chars > api_limits.document_chars)
		return attachment_fail(at, ERR_FILE_TOO_LARGE, "The file has %zu characters of text; at most %lld are taken "
		                       "(api.document_chars). " ATTACHMENT_SEARCH, chars, (long long)api_limits.document_chars);
	at->text = text.n;
	struct prompt_part part = {.kind = PART_TEXT, .where = at->part.where};
	struct str name = attach_file_name_of(at);
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	buf_fmt(&b, "[File \"%.*s\"]\n", FMT(name));
	buf_add(&b, text);
	buf_fmt(&b, "\n[End of the file%.*s]", FMT(note));
	part.text = str_copy(&at->arena, buf_str(&b));
	buf_release(&b);
	return attachment_put(at, part);
}

/* --- PDF ------------------------------------------------------------------------------------------------- */

static bool pdf_failed(struct attachment *at, const struct err *e)
{
	if (e->code == ERR_CONFIG) /* nothing of the client's doing, but nothing that a retry would mend either */
		return attachment_fail(at, ERR_UNSUPPORTED_FILE, "PDF files cannot be read on this server: %s.", e->msg);
	return attachment_fail(at, e->code == ERR_FILE_TOO_LARGE ? ERR_FILE_TOO_LARGE : ERR_FILE_PARSE,
	                       "The PDF file could not be read: %s.", e->msg);
}

static bool put_pages(struct attachment *at, struct pdf *p, int64_t shown, int64_t until_us)
{
	bool high = str_eq(at->part.quality, S("high"));
	for (int64_t i = 1; i <= shown; i++) {
		struct prompt_part part = {.kind = PART_IMAGE, .from = FROM_DATA, .where = at->part.where};
		struct err e = {0};
		struct str png;
		p->seconds = (until_us - clock_mono_us()) / 1000000 + 1;
		if (p->seconds < 1)
			return attachment_fail(at, ERR_FILE_PARSE, "The PDF file could not be read in %lld seconds "
			                       "(api.document_seconds).", (long long)api_limits.document_seconds);
		if (!pdf_page(&at->arena, p, i, high ? PIXELS_HIGH : PIXELS_LOW, &png, &e))
			return pdf_failed(at, &e);
		part.text = attachment_data_url(&at->arena, S("image/png"), png);
		attachment_put(at, part);
	}
	return true;
}

static bool attach_file_read_pdf(struct attachment *at, struct str bytes)
{
	struct pdf p = {.bytes = bytes, .pages = api_limits.document_pages, .seconds = api_limits.document_seconds,
	                .memory = api_limits.document_memory, .cancelled = at->cancelled};
	struct err e = {0};
	struct str text, note = S("");
	int64_t n, shown = 0, until_us = clock_mono_us() + p.seconds * 1000000;
	bool cut;
	if (!pdf_text(&at->arena, &p, (size_t)api_limits.document_chars * 4, &text, &cut, &n, &e))
		return pdf_failed(at, &e);
	if (cut)
		return attachment_fail(at, ERR_FILE_TOO_LARGE, "The file has more than %lld characters of text "
		                       "(api.document_chars). " ATTACHMENT_SEARCH, (long long)api_limits.document_chars);
	if (at->vision)
		shown = n < api_limits.document_images ? n : api_limits.document_images;
	if (!text.n && !shown)
		return attachment_fail(at, ERR_FILE_PARSE, "The PDF file has no text in it, only pictures, and this model takes no "
		                       "images.");
	if (shown)
		note = str_fmt(&at->arena, ", of whose %lld pages 1 to %lld follow as images", (long long)n, (long long)shown);
	return attach_file_put_text(at, text, note) && put_pages(at, &p, shown, until_us);
}

/* The engine reads it itself. */
static bool pass_pdf(struct attachment *at, struct str bytes)
{
	struct prompt_part part = at->part;
	part.text = attachment_data_url(&at->arena, S("application/pdf"), bytes);
	part.from = FROM_DATA;
	part.detail = at->part.detail.n || at->name.n ? attach_file_name_of(at) : S("file.pdf");
	return attachment_put(at, part);
}

/* --- docx, pptx, xlsx ------------------------------------------------------------------------------------- */

static bool attach_file_read_office(struct attachment *at, struct str bytes)
{
	struct office o = {bytes, api_limits.document_seconds, api_limits.document_memory, at->cancelled};
	struct err e = {0};
	struct str text;
	bool cut;
	if (!office_text(&at->arena, &o, (size_t)api_limits.document_chars * 4, &text, &cut, &e)) {
		bool other = e.code == ERR_CONFIG || e.code == ERR_MEDIA_TYPE;
		return attachment_fail(at, other ? ERR_UNSUPPORTED_FILE : e.code == ERR_FILE_TOO_LARGE ? ERR_FILE_TOO_LARGE : ERR_FILE_PARSE,
		                       "The file could not be read: %s.", e.msg);
	}
	if (cut)
		return attachment_fail(at, ERR_FILE_TOO_LARGE, "The file has more than %lld characters of text "
		                       "(api.document_chars). " ATTACHMENT_SEARCH, (long long)api_limits.document_chars);
	return attach_file_put_text(at, text, S(""));
}

/* --- text ------------------------------------------------------------------------------------------------ */

static bool ends(struct str s, struct str tail)
{
	return s.n >= tail.n && str_eq_nocase((struct str){s.p + s.n - tail.n, tail.n}, tail);
}

static bool is_html(const struct attachment *at, struct str type)
{
	struct str name = attach_file_name_of(at), bare = str_trim(str_cut(&type, ';'));
	return str_eq_nocase(bare, S("text/html")) || ends(name, S(".html")) || ends(name, S(".htm"));
}

static bool attach_file_read_html(struct attachment *at, struct str type, struct str bytes)
{
	struct page_text page;
	struct err e = {0};
	bool typed = str_starts(type, S("text/html")); /* it may name an encoding */
	if (!extract_text(&at->arena, typed ? type : S("text/html"), bytes, (size_t)api_limits.document_chars * 4, api_limits.document_seconds, &page, &e))
		return attachment_fail(at, ERR_FILE_PARSE, "The HTML file could not be read: %s.", e.msg);
	if (page.cut)
		return attachment_fail(at, ERR_FILE_TOO_LARGE, "The file has more than %lld characters of text "
		                       "(api.document_chars). " ATTACHMENT_SEARCH, (long long)api_limits.document_chars);
	return attach_file_put_text(at, page.text, S(""));
}

bool attachment_read_file(struct attachment *at, struct str type, struct str bytes)
{
	if (!bytes.n)
		return attachment_fail(at, ERR_EMPTY_FILE, "The file is empty.");
	if (str_starts(bytes, S("%PDF-")))
		return at->files ? pass_pdf(at, bytes) : attach_file_read_pdf(at, bytes);
	if (office_like(bytes))
		return attach_file_read_office(at, bytes);
	if (is_html(at, type))
		return attach_file_read_html(at, type, bytes);
	if (utf8_valid(bytes) && !memchr(bytes.p, 0, bytes.n))
		return attach_file_put_text(at, bytes, S(""));
	return attachment_fail(at, ERR_UNSUPPORTED_FILE, "The file type you uploaded is not supported. Please try again with a pdf, "
	                       "docx, pptx or xlsx, or with text in UTF-8 (plain, Markdown, CSV, JSON, HTML).");
}
