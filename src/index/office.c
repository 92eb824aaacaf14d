/* office.c - docx, pptx and xlsx files as text. */
#include "index/office.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "index/office_xml.h"
#include "index/reader.h"

enum { XML_BYTES = 64 << 20, MEMBERS = 1000 }; /* of one part, and of all together */

bool office_like(struct str bytes)
{
	return str_starts(bytes, S("PK\3\4"));
}

struct reading {
	const struct office *o;
	struct buf parts; /* as reader.h has them */
	int64_t until_us; /* for all runs of the programs together */
};

/* --- members of the archive ------------------------------------------------------------------------------ */

static bool left(const struct reading *r, int64_t *seconds, struct err *e)
{
	*seconds = (r->until_us - clock_mono_us()) / 1000000 + 1;
	return *seconds >= 1 || fail(e, ERR_REQUEST_TIMEOUT, NULL, "took longer than %lld seconds", (long long)r->o->seconds);
}

static bool member(const struct reading *r, const char *name, struct buf *xml, struct err *e)
{
	struct sandbox s = {.argv = {"/usr/bin/bsdtar", name ? "-xOf" : "-tf", "-", name}, .input = r->o->bytes,
			    .memory = r->o->memory, .cancelled = r->o->cancelled};
	buf_clear(xml);
	if (!left(r, &s.seconds, e) || !sandbox_run(&s, xml, e))
		return false;
	return !xml->over || fail(e, ERR_FILE_TOO_LARGE, NULL, "a part of it is too large");
}

/* What goes past the bound of all parts is left out; then the text is cut. */
static bool office_add_member(struct reading *r, enum office_part kind, const char *name, struct buf *xml,
			      struct err *e)
{
	if (!member(r, name, xml, e))
		return false;
	reader_part(&r->parts, kind, buf_str(xml));
	return true;
}

static bool office_has(struct str names, const char *name)
{
	struct str want = str_of(name);
	while (names.n)
		if (str_eq(str_trim(str_cut(&names, '\n')), want))
			return true;
	return false;
}

/* --- the three kinds ------------------------------------------------------------------------------------- */

/* Members numbered from 1 on, each under a heading. */
static bool numbered(struct reading *r, struct str names, const char *pattern, const char *heading, enum office_part kind,
		     struct buf *xml, struct err *e)
{
	char name[64], head[64];
	for (int i = 1; i <= MEMBERS && !r->parts.over; i++) {
		snprintf(name, sizeof name, pattern, i);
		if (!office_has(names, name))
			return true;
		snprintf(head, sizeof head, "[%s %d]\n", heading, i);
		reader_part(&r->parts, OFFICE_HEADING, str_of(head));
		if (!office_add_member(r, kind, name, xml, e))
			return false;
	}
	return true;
}

static bool gather_sheets(struct reading *r, struct str names, struct buf *xml, struct err *e)
{
	static const char strings[] = "xl/sharedStrings.xml";
	return (!office_has(names, strings) || office_add_member(r, OFFICE_STRINGS, strings, xml, e)) &&
	       numbered(r, names, "xl/worksheets/sheet%d.xml", "Sheet", OFFICE_SHEET, xml, e);
}

static bool office_gather(struct reading *r, struct arena *a, struct buf *xml, struct err *e)
{
	static const char document[] = "word/document.xml";
	if (!member(r, NULL, xml, e))
		return false;
	struct str names = str_copy(a, buf_str(xml));
	if (office_has(names, document))
		return office_add_member(r, OFFICE_PROSE, document, xml, e);
	if (office_has(names, "ppt/presentation.xml"))
		return numbered(r, names, "ppt/slides/slide%d.xml", "Slide", OFFICE_PROSE, xml, e);
	if (office_has(names, "xl/workbook.xml"))
		return gather_sheets(r, names, xml, e);
	return fail(e, ERR_MEDIA_TYPE, NULL, "it is no docx, pptx or xlsx file");
}

bool office_text(struct arena *a, const struct office *o, size_t max, struct str *ret, bool *cut, struct err *e)
{
	struct buf xml;
	struct reading r = {.o = o, .until_us = clock_mono_us() + o->seconds * 1000000};
	struct reader_job job = {.mode = READER_OFFICE, .max = max, .memory = o->memory, .cancelled = o->cancelled};
	struct reader_text text;
	buf_init(&xml, XML_BYTES);
	buf_init(&r.parts, XML_BYTES + (64 << 10));
	bool ok = office_gather(&r, a, &xml, e) && left(&r, &job.seconds, e);
	job.bytes = buf_str(&r.parts);
	ok = ok && reader_run(a, &job, &text, e);
	if (ok) {
		*ret = str_trim(text.text);
		*cut = text.cut || r.parts.over;
	}
	buf_release(&xml);
	buf_release(&r.parts);
	return ok;
}
