/* extract.c - what was fetched or sent, as text. */
#include "index/extract.h"

#include <ctype.h>
#include <string.h>

#include "index/pdf.h"
#include "index/reader.h"
#include "sandbox/policy.h"
#include "wire/json.h"

struct source {
	struct str charset, body; /* charset: of bytes that are characters */
	size_t max;
	int64_t seconds;
};

/* In a box: the bytes are a stranger's, and so is the name of their encoding. */
static bool read_boxed(struct arena *a, const struct source *s, enum reader_mode mode, struct page_text *ret, struct err *e)
{
	struct reader_job job = {.mode = mode, .charset = s->charset, .bytes = s->body, .max = s->max,
				 .seconds = s->seconds, .memory = sandbox_limits.page_memory};
	struct reader_text t;
	if (!reader_run(a, &job, &t, e))
		return false;
	*ret = (struct page_text){.title = t.title, .text = t.text, .cut = t.cut};
	return true;
}

static bool extract_read_html(struct arena *a, const struct source *s, struct page_text *ret, struct err *e)
{
	return read_boxed(a, s, READER_HTML, ret, e);
}

/* Valid UTF-8 needs no library. */
static bool read_plain(struct arena *a, const struct source *s, struct page_text *ret, struct err *e)
{
	struct str body = s->body;
	if (!str_eq_nocase(s->charset, S("utf-8")) || !utf8_valid(body))
		return read_boxed(a, s, READER_TEXT, ret, e);
	ret->cut = body.n > s->max;
	if (ret->cut)
		for (body.n = s->max; body.n && ((unsigned char)body.p[body.n] & 0xc0) == 0x80;)
			body.n--;
	ret->text = str_copy(a, body);
	return true;
}

static bool extract_read_pdf(struct arena *a, const struct source *s, struct page_text *ret, struct err *e)
{
	enum { PAGES = 1000, SECONDS = 20, MEMORY = 1 << 30 };
	struct pdf p = {.bytes = s->body, .pages = PAGES, .seconds = SECONDS, .memory = MEMORY};
	int64_t pages;
	return pdf_text(a, &p, s->max, &ret->text, &ret->cut, &pages, e);
}

/* By type, or by how the bytes begin where no type was sent. A kind that needs a program of its own is a row here. */
static const struct kind {
	struct str type, magic;
	bool characters; /* its bytes are characters in some encoding */
	bool (*read)(struct arena *a, const struct source *s, struct page_text *ret, struct err *e);
} kinds[] = {
    {STR("text/html"), STR("<!doctype html"), true, extract_read_html},
    {STR("text/html"), STR("<html"), true, extract_read_html},
    {STR("application/xhtml+xml"), STR("<?xml"), true, extract_read_html},
    {STR("text/plain"), {0}, true, read_plain},
    {STR("text/markdown"), {0}, true, read_plain},
    {STR("text/csv"), {0}, true, read_plain},
    {STR("text/xml"), {0}, true, read_plain},
    {STR("application/xml"), {0}, true, read_plain},
    {STR("application/rss+xml"), {0}, true, read_plain},
    {STR("application/atom+xml"), {0}, true, read_plain},
    {STR("application/pdf"), STR("%PDF-"), false, extract_read_pdf},
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

/* Its letters stand on a command line. */
static struct str charset_named(struct str charset)
{
	return charset.n && charset.n <= 40 ? charset : S("UTF-8");
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

bool extract_text(struct arena *a, struct str content_type, struct str body, size_t max, int64_t seconds, struct page_text *ret,
		  struct err *e)
{
	const struct kind *k = kind_of(content_type, body);
	struct str type = content_type, bare = plain_type(str_trim(str_cut(&type, ';'))),
		   head = {body.p, body.n < 2048 ? body.n : 2048};
	*ret = (struct page_text){0};
	if (!k)
		return fail(e, ERR_MEDIA_TYPE, NULL, "content of the type '%.*s' cannot be read", FMT(bare));
	struct source source = {.charset = S("utf-8"), .body = body, .max = max, .seconds = seconds};
	if (k->characters) {
		struct str charset = charset_in(content_type);
		if (!charset.n && k->read == extract_read_html)
			charset = charset_in(head);
		source.charset = charset_named(charset);
	}
	struct err why = {0};
	return k->read(a, &source, ret, &why) || fail(e, ERR_MEDIA_TYPE, NULL, "the page could not be read: %s", why.msg);
}
