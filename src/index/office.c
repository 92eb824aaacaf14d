/* office.c - docx, pptx and xlsx files as text. */
#include "index/office.h"

#include <libxml/xmlreader.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { XML_BYTES = 64 << 20, MEMBERS = 1000, GAP = 64, STRINGS_MOST = 1 << 22 };

bool office_like(struct str bytes)
{
	return str_starts(bytes, S("PK\3\4"));
}

struct reading {
	struct arena *a;
	const struct office *o;
	struct buf *out;
	struct str *strings; /* xlsx: what cells share */
	size_t n, cap;
	/* where the walk stands */
	bool text, properties, shared;
	int64_t column; /* xlsx: of the last cell in the row */
	struct buf value;
	int64_t until_us; /* for all runs of the program together */
};

/* --- members of the archive ------------------------------------------------------------------------------ */

static bool member(const struct reading *r, const char *name, struct buf *xml, struct err *e)
{
	struct sandbox s = {.argv = {"/usr/bin/bsdtar", name ? "-xOf" : "-tf", "-", name}, .input = r->o->bytes,
			    .seconds = (r->until_us - clock_mono_us()) / 1000000 + 1, .memory = r->o->memory,
			    .cancelled = r->o->cancelled};
	buf_clear(xml);
	if (s.seconds < 1)
		return fail(e, ERR_REQUEST_TIMEOUT, NULL, "took longer than %lld seconds", (long long)r->o->seconds);
	if (!sandbox_run(&s, xml, e))
		return false;
	return !xml->over || fail(e, ERR_FILE_TOO_LARGE, NULL, "a part of it is too large");
}

static bool has(struct str names, const char *name)
{
	struct str want = str_of(name);
	while (names.n)
		if (str_eq(str_trim(str_cut(&names, '\n')), want))
			return true;
	return false;
}

/* --- walks over the XML ---------------------------------------------------------------------------------- */

typedef void walk_fn(struct reading *r, xmlTextReaderPtr x, struct str name, int type);

static bool walk(struct reading *r, struct str xml, walk_fn *step, struct err *e)
{
	if (memmem(xml.p, xml.n, "<!DOCTYPE", 9))
		return fail(e, ERR_FILE_PARSE, NULL, "its XML has a DTD");
	xmlTextReaderPtr x = xmlReaderForMemory(xml.p, (int)xml.n, NULL, NULL,
						XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	int got = -1;
	while (x && !r->out->over && (got = xmlTextReaderRead(x)) == 1)
		step(r, x, str_of((const char *)xmlTextReaderConstLocalName(x)), xmlTextReaderNodeType(x));
	if (x)
		xmlFreeTextReader(x);
	return got >= 0 || fail(e, ERR_FILE_PARSE, NULL, "its XML is damaged");
}

static bool is_text(int type)
{
	return type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE ||
	       type == XML_READER_TYPE_WHITESPACE || type == XML_READER_TYPE_CDATA;
}

/* Documents and slides: text stands in t, paragraphs in p; pPr only says how they look. */
static void step_prose(struct reading *r, xmlTextReaderPtr x, struct str name, int type)
{
	bool begins = type == XML_READER_TYPE_ELEMENT, ends = type == XML_READER_TYPE_END_ELEMENT;
	if (is_text(type) && r->text)
		buf_add(r->out, str_of((const char *)xmlTextReaderConstValue(x)));
	else if ((begins || ends) && str_eq(name, S("pPr")))
		r->properties = begins && !xmlTextReaderIsEmptyElement(x);
	else if ((begins || ends) && str_eq(name, S("t")))
		r->text = begins && !xmlTextReaderIsEmptyElement(x);
	else if (begins && !r->properties && str_eq(name, S("tab")))
		buf_byte(r->out, '\t');
	else if ((begins && str_eq(name, S("br"))) || (ends && str_eq(name, S("p"))))
		buf_byte(r->out, '\n');
}

/* xl/sharedStrings.xml: the t of each si. */
static void step_strings(struct reading *r, xmlTextReaderPtr x, struct str name, int type)
{
	bool begins = type == XML_READER_TYPE_ELEMENT, ends = type == XML_READER_TYPE_END_ELEMENT;
	if (is_text(type) && r->text)
		buf_add(&r->value, str_of((const char *)xmlTextReaderConstValue(x)));
	else if ((begins || ends) && str_eq(name, S("t")))
		r->text = begins && !xmlTextReaderIsEmptyElement(x);
	bool empty = begins && xmlTextReaderIsEmptyElement(x);
	if (!str_eq(name, S("si")) || (!ends && !empty) || r->n == STRINGS_MOST)
		return;
	if (r->n == r->cap) {
		struct str *more = new_array(r->a, struct str, r->cap ? 2 * r->cap : 256);
		if (r->n)
			memcpy(more, r->strings, r->n * sizeof *more);
		r->strings = more;
		r->cap = r->cap ? 2 * r->cap : 256;
	}
	r->strings[r->n++] = str_copy(r->a, buf_str(&r->value));
	buf_clear(&r->value);
}

/* "C7": 3. */
static int64_t column_of(const char *at)
{
	int64_t n = 0;
	while (*at >= 'A' && *at <= 'Z' && n < 20000)
		n = n * 26 + (*at++ - 'A' + 1);
	return n;
}

static void begin_cell(struct reading *r, xmlTextReaderPtr x)
{
	xmlChar *at = xmlTextReaderGetAttribute(x, (const xmlChar *)"r"), *kind = xmlTextReaderGetAttribute(x, (const xmlChar *)"t");
	int64_t column = at ? column_of((const char *)at) : r->column + 1, gap = column - (r->column ? r->column : 1);
	r->shared = kind && !strcmp((const char *)kind, "s");
	for (int64_t i = 0; i < gap && i < GAP; i++)
		buf_byte(r->out, '\t');
	r->column = column;
	buf_clear(&r->value);
	xmlFree(at);
	xmlFree(kind);
}

static void end_cell(struct reading *r)
{
	int64_t i;
	struct str v = buf_str(&r->value);
	if (r->shared)
		v = str_int(v, &i) && i >= 0 && (size_t)i < r->n ? r->strings[i] : S("");
	buf_add(r->out, v);
}

static void step_sheet(struct reading *r, xmlTextReaderPtr x, struct str name, int type)
{
	bool begins = type == XML_READER_TYPE_ELEMENT, ends = type == XML_READER_TYPE_END_ELEMENT;
	if (is_text(type) && r->text)
		buf_add(&r->value, str_of((const char *)xmlTextReaderConstValue(x)));
	else if ((begins || ends) && (str_eq(name, S("v")) || str_eq(name, S("t"))))
		r->text = begins && !xmlTextReaderIsEmptyElement(x);
	else if (begins && str_eq(name, S("c")) && !xmlTextReaderIsEmptyElement(x))
		begin_cell(r, x);
	else if (ends && str_eq(name, S("c")))
		end_cell(r);
	else if (begins && str_eq(name, S("row")))
		r->column = 0;
	else if (ends && str_eq(name, S("row")))
		buf_byte(r->out, '\n');
}

/* --- the three kinds ------------------------------------------------------------------------------------- */

/* Members numbered from 1 on, each under a heading. */
static bool numbered(struct reading *r, struct str names, const char *pattern, const char *heading, walk_fn *step, struct buf *xml,
		     struct err *e)
{
	char name[64];
	for (int i = 1; i <= MEMBERS && !r->out->over; i++) {
		snprintf(name, sizeof name, pattern, i);
		if (!has(names, name))
			return true;
		buf_fmt(r->out, "[%s %d]\n", heading, i);
		if (!member(r, name, xml, e) || !walk(r, buf_str(xml), step, e))
			return false;
	}
	return true;
}

static bool read_sheets(struct reading *r, struct str names, struct buf *xml, struct err *e)
{
	static const char strings[] = "xl/sharedStrings.xml";
	if (has(names, strings) && (!member(r, strings, xml, e) || !walk(r, buf_str(xml), step_strings, e)))
		return false;
	r->text = false;
	return numbered(r, names, "xl/worksheets/sheet%d.xml", "Sheet", step_sheet, xml, e);
}

static bool read_any(struct reading *r, struct buf *xml, struct err *e)
{
	static const char document[] = "word/document.xml";
	if (!member(r, NULL, xml, e))
		return false;
	struct str names = str_copy(r->a, buf_str(xml));
	if (has(names, document))
		return member(r, document, xml, e) && walk(r, buf_str(xml), step_prose, e);
	if (has(names, "ppt/presentation.xml"))
		return numbered(r, names, "ppt/slides/slide%d.xml", "Slide", step_prose, xml, e);
	if (has(names, "xl/workbook.xml"))
		return read_sheets(r, names, xml, e);
	return fail(e, ERR_MEDIA_TYPE, NULL, "it is no docx, pptx or xlsx file");
}

bool office_text(struct arena *a, const struct office *o, size_t max, struct str *ret, bool *cut, struct err *e)
{
	struct buf out, xml;
	struct reading r = {.a = a, .o = o, .out = &out, .until_us = clock_mono_us() + o->seconds * 1000000};
	buf_init(&out, max);
	buf_init(&xml, XML_BYTES);
	buf_init(&r.value, XML_BYTES);
	bool ok = read_any(&r, &xml, e);
	if (ok) {
		*ret = str_copy(a, str_trim(buf_str(&out)));
		*cut = out.over;
	}
	buf_release(&out);
	buf_release(&xml);
	buf_release(&r.value);
	return ok;
}
