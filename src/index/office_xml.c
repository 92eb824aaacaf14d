/* office_xml.c - the XML of docx, pptx and xlsx files as text. */
#include "index/office_xml.h"

#include <libxml/xmlreader.h>
#include <string.h>

enum { GAP = 64, STRINGS_MOST = 1 << 22 };

typedef void walk_fn(struct office_xml *r, xmlTextReaderPtr x, struct str name, int type);

static bool office_xml_walk(struct office_xml *r, struct str xml, walk_fn *step, struct err *e)
{
	bool dtd = false;
	xmlTextReaderPtr x = xmlReaderForMemory(xml.p, (int)xml.n, NULL, NULL,
						XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	int got = -1;
	while (x && !dtd && !r->out->over && (got = xmlTextReaderRead(x)) == 1) {
		int type = xmlTextReaderNodeType(x);
		dtd = type == XML_READER_TYPE_DOCUMENT_TYPE; /* known once the encoding is */
		if (!dtd)
			step(r, x, str_of((const char *)xmlTextReaderConstLocalName(x)), type);
	}
	if (x)
		xmlFreeTextReader(x);
	if (dtd)
		return fail(e, ERR_FILE_PARSE, NULL, "its XML has a DTD");
	return got >= 0 || fail(e, ERR_FILE_PARSE, NULL, "its XML is damaged");
}

static bool office_xml_is_text(int type)
{
	return type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE ||
	       type == XML_READER_TYPE_WHITESPACE || type == XML_READER_TYPE_CDATA;
}

/* Documents and slides: text stands in t, paragraphs in p; pPr only says how they look. */
static void step_prose(struct office_xml *r, xmlTextReaderPtr x, struct str name, int type)
{
	bool begins = type == XML_READER_TYPE_ELEMENT, ends = type == XML_READER_TYPE_END_ELEMENT;
	if (office_xml_is_text(type) && r->text)
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
static void step_strings(struct office_xml *r, xmlTextReaderPtr x, struct str name, int type)
{
	bool begins = type == XML_READER_TYPE_ELEMENT, ends = type == XML_READER_TYPE_END_ELEMENT;
	if (office_xml_is_text(type) && r->text)
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

static void begin_cell(struct office_xml *r, xmlTextReaderPtr x)
{
	xmlChar *at = xmlTextReaderGetAttribute(x, (const xmlChar *)"r"),
		*kind = xmlTextReaderGetAttribute(x, (const xmlChar *)"t");
	int64_t column = at ? column_of((const char *)at) : r->column + 1, gap = column - (r->column ? r->column : 1);
	r->shared = kind && !strcmp((const char *)kind, "s");
	for (int64_t i = 0; i < gap && i < GAP; i++)
		buf_byte(r->out, '\t');
	r->column = column;
	buf_clear(&r->value);
	xmlFree(at);
	xmlFree(kind);
}

static void end_cell(struct office_xml *r)
{
	int64_t i;
	struct str v = buf_str(&r->value);
	if (r->shared)
		v = str_int(v, &i) && i >= 0 && (size_t)i < r->n ? r->strings[i] : S("");
	buf_add(r->out, v);
}

static void step_sheet(struct office_xml *r, xmlTextReaderPtr x, struct str name, int type)
{
	bool begins = type == XML_READER_TYPE_ELEMENT, ends = type == XML_READER_TYPE_END_ELEMENT;
	if (office_xml_is_text(type) && r->text)
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

bool office_xml_read(struct office_xml *r, enum office_part kind, struct str part, struct err *e)
{
	walk_fn *step = kind == OFFICE_PROSE ? step_prose : kind == OFFICE_STRINGS ? step_strings : step_sheet;
	if (kind == OFFICE_HEADING) {
		buf_add(r->out, part);
		return true;
	}
	r->text = r->properties = r->shared = false;
	return office_xml_walk(r, part, step, e);
}
