/* reader_main.c - antiphon-reader: MODE MAX CHARSET (of skills: their bounds); bytes of strangers on standard input, text
 * on standard output.
 *
 * It runs in a box and believes that it will be overcome: it holds nothing but what it reads. reader.h has its modes,
 * reader.c how it answers. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/charset.h"
#include "index/html.h"
#include "index/office_xml.h"
#include "index/reader.h"
#include "index/skill_reader.h"

static int reader_main_say(const struct page_text *p)
{
	printf("ok %d %zu %zu\n", p->cut, p->title.n, p->text.n);
	fwrite(p->title.p ? p->title.p : "", 1, p->title.n, stdout);
	fwrite(p->text.p ? p->text.p : "", 1, p->text.n, stdout);
	return fflush(stdout) != 0;
}

static int say_no(const char *why)
{
	printf("no %s\n", why);
	return fflush(stdout) != 0;
}

static size_t reader_main_whole(struct str s, size_t max)
{
	size_t n = s.n < max ? s.n : max;
	while (n && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80) /* no half a character */
		n--;
	return n;
}

static int reader_main_read_office(struct arena *a, struct str in, size_t max)
{
	struct buf out;
	struct err e = {0};
	struct office_xml r = {.a = a, .out = &out};
	buf_init(&out, max);
	buf_init(&r.value, max + (1 << 20));
	while (in.n && !out.over) {
		struct str head = str_cut(&in, '\n'), kind = str_cut(&head, ' ');
		int64_t n;
		if (kind.n != 1 || !str_int(head, &n) || n < 0 || (size_t)n > in.n)
			return say_no("xml");
		if (!office_xml_read(&r, (enum office_part)kind.p[0], (struct str){in.p, (size_t)n}, &e))
			return say_no(str_eq(str_of(e.msg), S("its XML has a DTD")) ? "dtd" : "xml");
		in.p += n;
		in.n -= (size_t)n;
	}
	struct page_text p = {.text = {buf_str(&out).p, reader_main_whole(buf_str(&out), max)}, .cut = out.over};
	return reader_main_say(&p);
}

int main(int argc, char **argv)
{
	struct arena a = {0};
	struct stat st;
	struct page_text p = {0};
	int64_t max;
	if (argc != 4 || !str_int(str_of(argv[2]), &max) || max < 0 || fstat(0, &st))
		return 2;
	size_t n = (size_t)st.st_size;
	void *bytes = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, 0, 0) : NULL;
	if (bytes == MAP_FAILED)
		return 2;
	struct str in = {bytes ? bytes : "", n};
	if (*argv[1] == READER_OFFICE)
		return reader_main_read_office(&a, in, (size_t)max);
	if (*argv[1] == READER_SKILL || *argv[1] == READER_SKILL_FILES || *argv[1] == READER_SKILL_PACK)
		return skill_reader(*argv[1], in, (size_t)max, str_of(argv[3]));
	in = charset_to_utf8(&a, str_of(argv[3]), in);
	if (*argv[1] == READER_HTML)
		return html_text(&a, in, (size_t)max, &p) ? reader_main_say(&p) : say_no("page");
	p.cut = in.n > (size_t)max;
	p.text = (struct str){in.p, reader_main_whole(in, (size_t)max)};
	return reader_main_say(&p);
}
