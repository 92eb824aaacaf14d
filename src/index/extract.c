/* extract.c - what was fetched or sent, as text. */
#include "index/extract.h"

#include <ctype.h>
#include <iconv.h>
#include <string.h>

#include "base/buf.h"
#include "index/pdf.h"

static bool read_html(struct arena *a, struct str body, size_t max, struct page_text *ret)
{
	return html_text(a, body, max, ret);
}

static bool read_plain(struct arena *a, struct str body, size_t max, struct page_text *ret)
{
	ret->cut = body.n > max;
	if (ret->cut)
		for (body.n = max; body.n && ((unsigned char)body.p[body.n] & 0xc0) == 0x80;)
			body.n--;
	ret->text = str_copy(a, body);
	return true;
}

static bool read_pdf(struct arena *a, struct str body, size_t max, struct page_text *ret)
{
	enum { PAGES = 1000, SECONDS = 20, MEMORY = 1 << 30 };
	struct pdf p = {.bytes = body, .pages = PAGES, .seconds = SECONDS, .memory = MEMORY};
	struct err e = {0};
	int64_t pages;
	return pdf_text(a, &p, max, &ret->text, &ret->cut, &pages, &e);
}

/* By type, or by how the bytes begin where no type was sent. A kind that needs a program of its own is a row here. */
static const struct kind {
	struct str type, magic;
	bool characters; /* its bytes are characters in some encoding */
	bool (*read)(struct arena *a, struct str body, size_t max, struct page_text *ret);
} kinds[] = {
    {STR("text/html"), STR("<!doctype html"), true, read_html},
    {STR("text/html"), STR("<html"), true, read_html},
    {STR("application/xhtml+xml"), STR("<?xml"), true, read_html},
    {STR("text/plain"), {0}, true, read_plain},
    {STR("text/markdown"), {0}, true, read_plain},
    {STR("text/csv"), {0}, true, read_plain},
    {STR("text/xml"), {0}, true, read_plain},
    {STR("application/xml"), {0}, true, read_plain},
    {STR("application/rss+xml"), {0}, true, read_plain},
    {STR("application/atom+xml"), {0}, true, read_plain},
    {STR("application/pdf"), STR("%PDF-"), false, read_pdf},
    {STR("application/json"), STR("{"), true, read_plain},
    {STR("application/ld+json"), {0}, true, read_plain},
};

static bool begins(struct str body, struct str magic)
{
	struct str s = str_trim(body);
	if (!magic.n || s.n < magic.n)
		return false;
	return str_eq_nocase((struct str){s.p, magic.n}, magic);
}

static const struct kind *kind_of(struct str type, struct str body)
{
	struct str bare = str_trim(str_cut(&type, ';'));
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (bare.n ? str_eq_nocase(bare, kinds[i].type) : begins(body, kinds[i].magic))
			return &kinds[i];
	return NULL;
}

/* --- encodings --- */

/* What follows `charset=` in `s`. */
static struct str charset_in(struct str s)
{
	static const char word[] = "charset=";
	for (size_t i = 0; i + sizeof word - 1 < s.n; i++) {
		struct str at = {s.p + i, sizeof word - 1};
		if (!str_eq_nocase(at, S("charset=")))
			continue;
		struct str name = {s.p + i + at.n, s.n - i - at.n};
		if (name.n && strchr("\"'", name.p[0]))
			name.p++, name.n--;
		size_t n = 0;
		while (n < name.n && n < 40 && (isalnum((unsigned char)name.p[n]) || strchr("-_:.", name.p[n])))
			n++;
		return (struct str){name.p, n};
	}
	return (struct str){0};
}

/* Into UTF-8; bytes that are none are left out. An encoding that is not known is taken for UTF-8. */
static struct str to_utf8(struct arena *a, struct str charset, struct str body)
{
	char name[48];
	struct buf out;
	if (charset.n >= sizeof name)
		return body;
	memcpy(name, charset.p, charset.n);
	name[charset.n] = 0;
	iconv_t c = iconv_open("UTF-8", name);
	if (c == (iconv_t)-1)
		return body;
	buf_init(&out, body.n * 4 + 8192); /* room for a whole step at the end */
	char *in = (char *)(uintptr_t)body.p, *to;
	size_t left = body.n;
	while (left && (to = buf_room(&out, 4096))) {
		char *end = to;
		size_t room = 4096;
		iconv(c, &in, &left, &end, &room);
		out.n += (size_t)(end - to);
		if (end == to && left) { /* no character of that encoding */
			in++;
			left--;
		}
	}
	iconv_close(c);
	struct str text = str_copy(a, buf_str(&out));
	buf_release(&out);
	return text;
}

/* Valid UTF-8 alone leaves this floor: whatever else is replaced. */
static struct str valid(struct arena *a, struct str s)
{
	struct str v = to_utf8(a, S("UTF-8"), s);
	return v;
}

/* A type that can be told on; {0}: a page's server sent what only looks like one. */
static struct str plain_type(struct str type)
{
	enum { TYPE_MOST = 100 };
	for (size_t i = 0; i < type.n; i++)
		if (!isalnum((unsigned char)type.p[i]) && !(type.p[i] && strchr("/+-._", type.p[i])))
			return (struct str){0};
	return type.n <= TYPE_MOST ? type : (struct str){0};
}

bool extract_text(struct arena *a, struct str content_type, struct str body, size_t max, struct page_text *ret,
		  struct err *e)
{
	const struct kind *k = kind_of(content_type, body);
	struct str type = content_type, bare = plain_type(str_trim(str_cut(&type, ';'))),
		   head = {body.p, body.n < 2048 ? body.n : 2048};
	*ret = (struct page_text){0};
	if (!k)
		return fail(e, ERR_MEDIA_TYPE, NULL, "content of the type '%.*s' cannot be read", FMT(bare));
	if (k->characters) {
		struct str charset = charset_in(content_type);
		if (!charset.n && k->read == read_html)
			charset = charset_in(head);
		body = charset.n && !str_eq_nocase(charset, S("utf-8")) ? to_utf8(a, charset, body) : valid(a, body);
	}
	return k->read(a, body, max, ret) || fail(e, ERR_MEDIA_TYPE, NULL, "the page could not be read");
}
