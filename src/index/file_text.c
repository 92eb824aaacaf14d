/* file_text.c - a file of a vector store as text. */
#include "index/file_text.h"

#include <string.h>

#include "index/extract.h"
#include "index/index_limits.h"
#include "index/office.h"
#include "index/pdf.h"
#include "wire/json.h"

enum { LONG_LINE = 2000 };

static bool file_ends(struct str s, struct str tail)
{
	return s.n >= tail.n && str_eq_nocase((struct str){s.p + s.n - tail.n, tail.n}, tail);
}

static bool file_too_long(struct err *e)
{
	return fail(e, ERR_FILE_TOO_LARGE, NULL, "The file has more than %lld bytes of text (index.text_bytes).",
		    (long long)index_limits.text_bytes);
}

/* What a reader says, in the words of a file that failed. */
static bool unread(const struct err *why, struct err *e)
{
	enum err_code code = why->code == ERR_CONFIG || why->code == ERR_MEDIA_TYPE ? ERR_UNSUPPORTED_FILE
			     : why->code == ERR_FILE_TOO_LARGE                      ? ERR_FILE_TOO_LARGE
										    : ERR_FILE_PARSE;
	return fail(e, code, NULL, "The file could not be read: %s.", why->msg);
}

static bool file_read_pdf(struct arena *a, struct str bytes, const _Atomic bool *cancelled, struct str *ret,
			  struct err *e)
{
	struct pdf p = {bytes, index_limits.pages, index_limits.seconds, index_limits.memory, cancelled};
	struct err why = {0};
	int64_t pages;
	bool cut;
	if (!pdf_text(a, &p, (size_t)index_limits.text_bytes, ret, &cut, &pages, &why))
		return unread(&why, e);
	return !cut || file_too_long(e);
}

static bool file_read_office(struct arena *a, struct str bytes, const _Atomic bool *cancelled, struct str *ret,
			     struct err *e)
{
	struct office o = {bytes, index_limits.seconds, index_limits.memory, cancelled};
	struct err why = {0};
	bool cut;
	if (!office_text(a, &o, (size_t)index_limits.text_bytes, ret, &cut, &why))
		return unread(&why, e);
	return !cut || file_too_long(e);
}

static bool file_read_html(struct arena *a, struct str bytes, struct file_text *ret, struct err *e)
{
	struct page_text page;
	struct err why = {0};
	if (!extract_text(a, S("text/html"), bytes, (size_t)index_limits.text_bytes, index_limits.seconds, &page, &why))
		return unread(&why, e);
	ret->title = page.title;
	ret->text = page.title.n ? str_fmt(a, "%.*s\n\n%.*s", FMT(page.title), FMT(page.text)) : page.text;
	return !page.cut || file_too_long(e);
}

/* Text in UTF-16 says so by its first two bytes. */
static bool read_wide(struct arena *a, struct str bytes, struct str *ret)
{
	struct page_text page;
	struct err why = {0};
	if (bytes.n < 2 || (memcmp(bytes.p, "\xff\xfe", 2) != 0 && memcmp(bytes.p, "\xfe\xff", 2) != 0) ||
	    !extract_text(a, S("text/plain; charset=utf-16"), bytes, (size_t)index_limits.text_bytes + 1, index_limits.seconds, &page, &why))
		return false;
	*ret = page.text;
	return true;
}

static bool has_long_line(struct str s)
{
	while (s.n)
		if (str_cut(&s, '\n').n > LONG_LINE)
			return true;
	return false;
}

static void lay_key(struct buf *b, yyjson_val *key, int depth)
{
	buf_fmt(b, "\n%*s", depth, "");
	if (!key)
		return;
	buf_add(b, json_str(key));
	buf_add(b, S(": "));
}

/* As people read it: a member a line, indented by its depth. The depth of what was parsed is bounded. */
static void lay_value(struct buf *b, yyjson_val *v, int depth)
{
	size_t i, max;
	yyjson_val *key, *one;
	if (yyjson_is_obj(v)) {
		yyjson_obj_foreach(v, i, max, key, one)
		{
			lay_key(b, key, depth);
			lay_value(b, one, depth + 1);
		}
	} else if (yyjson_is_arr(v)) {
		yyjson_arr_foreach(v, i, max, one)
		{
			lay_key(b, NULL, depth);
			lay_value(b, one, depth + 1);
		}
	} else if (yyjson_is_str(v)) {
		buf_add(b, json_str(v));
	} else {
		struct jout o = {b, false};
		jo_val(&o, v);
	}
}

static struct str lay_out(struct arena *a, struct str text)
{
	struct err none = {0};
	yyjson_val *v;
	struct buf b;
	if (!has_long_line(text) || !json_parse(a, text, &v, &none))
		return text;
	buf_init(&b, (size_t)index_limits.text_bytes);
	lay_value(&b, v, 0);
	struct str ret = b.over ? text : str_copy(a, buf_str(&b));
	buf_release(&b);
	return ret;
}

/* "# Title", where Markdown begins with it. */
static struct str markdown_title(struct str text)
{
	struct str rest = str_trim(text), line = str_cut(&rest, '\n');
	return str_starts(line, S("# ")) ? str_trim((struct str){line.p + 2, line.n - 2}) : (struct str){0};
}

static bool file_read_plain(struct arena *a, struct str name, struct str bytes, struct file_text *ret, struct err *e)
{
	if (bytes.n >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0)
		bytes = (struct str){bytes.p + 3, bytes.n - 3};
	if (utf8_valid(bytes) && !memchr(bytes.p, 0, bytes.n))
		ret->text = bytes;
	else if (!read_wide(a, bytes, &ret->text))
		return fail(e, ERR_UNSUPPORTED_FILE, NULL,
			    "The file is of no type that can be searched. Supported are pdf, docx, pptx and xlsx, and "
			    "text in UTF-8 "
			    "(plain, Markdown, HTML, CSV, JSON, source code).");
	ret->header = file_ends(name, S(".csv")) || file_ends(name, S(".tsv"));
	if (file_ends(name, S(".md")) || file_ends(name, S(".markdown")))
		ret->title = markdown_title(ret->text);
	if (file_ends(name, S(".json")))
		ret->text = lay_out(a, ret->text);
	return (int64_t)ret->text.n <= index_limits.text_bytes || file_too_long(e);
}

bool file_text(struct arena *a, struct str name, struct str bytes, const _Atomic bool *cancelled, struct file_text *ret,
	       struct err *e)
{
	bool ok;
	*ret = (struct file_text){.text = S("")};
	if (str_starts(bytes, S("%PDF-")))
		ok = file_read_pdf(a, bytes, cancelled, &ret->text, e);
	else if (office_like(bytes))
		ok = file_read_office(a, bytes, cancelled, &ret->text, e);
	else if (file_ends(name, S(".html")) || file_ends(name, S(".htm")))
		ok = file_read_html(a, bytes, ret, e);
	else
		ok = file_read_plain(a, name, bytes, ret, e);
	return ok && (str_trim(ret->text).n ||
		      fail(e, ERR_EMPTY_FILE, NULL, "The file has no text in it that could be searched."));
}
