/* reader_test.c - strangers' bytes in a box. Where it is not permitted, that is what is tested. */
#include "index/reader.h"

#include <string.h>

#include "base/test.h"
#include "index/office_xml.h"
#include "sandbox/host.h"
#include "sandbox/sandbox.h"

static bool read_part(struct arena *a, struct str xml, struct reader_text *ret, struct err *e)
{
	struct buf parts;
	struct reader_job job = {.mode = READER_OFFICE, .max = 1000, .seconds = 20, .memory = 1 << 30};
	buf_init(&parts, 1 << 20);
	reader_part(&parts, OFFICE_HEADING, S("[Slide 1]\n"));
	reader_part(&parts, OFFICE_PROSE, xml);
	job.bytes = buf_str(&parts);
	*e = (struct err){0};
	bool ok = reader_run(a, &job, ret, e);
	buf_release(&parts);
	return ok;
}

/* A declaration of entities is refused in whatever encoding it comes; the same text without it is read. */
static void dtd(void)
{
	static const char *const encodings[] = {"UTF-8", "UTF-16LE", "UTF-16BE", "UTF-16", "UCS-4", "EBCDIC-CP-US"};
	static const char plain[] = "<?xml version='1.0' encoding='%s'?><a><p><t>hello</t></p></a>";
	static const char entity[] =
	    "<?xml version='1.0' encoding='%s'?><!DOCTYPE a [<!ENTITY b 'bad'>]><a><p><t>&b;</t></p></a>";
	struct arena a = {0};
	struct reader_text text;
	struct err e = {0};
	if (!host_permits(NULL)) {
		CHECK(!read_part(&a, S("<a/>"), &text, &e) && e.code == ERR_CONFIG);
		return;
	}
	for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
		bool wide = i == 1 || i == 2; /* these two have no mark of their own */
		struct str mark = i == 1 ? S("\xff\xfe") : S("\xfe\xff");
		struct str name = str_of(wide ? "UTF-16" : encodings[i]);
		for (int bad = 0; bad < 2; bad++) {
			char utf8[300], bytes[1500], command[64];
			int n = snprintf(utf8, sizeof utf8, bad ? entity : plain, name.p);
			struct buf out;
			/* iconv(1) writes the encoding; the library's own tables read it */
			snprintf(command, sizeof command, "%s", encodings[i]);
			struct sandbox s = {.argv = {"/usr/bin/iconv", "-f", "UTF-8", "-t", command},
					    .input = {utf8, (size_t)n},
					    .seconds = 20,
					    .memory = 1 << 30};
			buf_init(&out, sizeof bytes);
			buf_add(&out, wide ? mark : S(""));
			CHECK(sandbox_run(&s, &out, &e));
			bool ok = read_part(&a, buf_str(&out), &text, &e);
			CHECK(ok == !bad);
			if (bad)
				CHECK(strstr(e.msg, i < 4 ? "DTD" : "its XML"));
			else if (ok)
				CHECK_STR(str_trim(text.text), S("[Slide 1]\nhello"));
			buf_release(&out);
		}
	}
	arena_free(&a);
}

static void damaged(void)
{
	struct arena a = {0};
	struct reader_text text;
	struct err e;
	if (!host_permits(NULL))
		return;
	CHECK(!read_part(&a, S("<p>"), &text, &e) && e.code == ERR_FILE_PARSE && strstr(e.msg, "damaged"));
	CHECK(!read_part(&a, S(""), &text, &e) && e.code == ERR_FILE_PARSE);
	CHECK(!read_part(&a, S("\xff\xfe\0"), &text, &e) && e.code == ERR_FILE_PARSE);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {{"no DTD in any encoding", dtd}, {"damaged", damaged}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
