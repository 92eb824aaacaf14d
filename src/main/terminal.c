/* terminal.c - texts of strangers on a terminal. */
#include "main/terminal.h"

#include <stdio.h>
#include <time.h>

/* One character (UTF-8) from the front of *s; what a terminal would obey is a question mark. */
static struct str terminal_next(struct str *s)
{
	unsigned char c = (unsigned char)*s->p;
	size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	struct str one = {s->p, n <= s->n ? n : 1};
	/* 0x80 to 0x9f are control characters, too: in UTF-8 they begin with 0xc2 */
	bool obeyed = c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xc0) ||
		      (c == 0xc2 && one.n == 2 && (unsigned char)s->p[1] < 0xa0);
	*s = (struct str){s->p + one.n, s->n - one.n};
	return obeyed ? S("?") : one;
}

void terminal_print(struct str s, int width)
{
	int shown = 0;
	for (; s.n && (!width || shown < width); shown++) {
		struct str one = terminal_next(&s);
		printf("%.*s", FMT(one));
	}
	for (; shown < width; shown++)
		putchar(' ');
}

void terminal_line(struct str s, int most)
{
	struct str rest = s, line = str_cut(&rest, '\n');
	int shown = 0;
	for (; line.n && shown < most; shown++) {
		struct str one = terminal_next(&line);
		printf("%.*s", FMT(one));
	}
	if (line.n || rest.n)
		printf("...");
}

const char *terminal_time(struct arena *a, int64_t seconds)
{
	char text[32] = "-";
	time_t t = (time_t)seconds;
	struct tm tm;
	if (gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	return str_fmt(a, "%s", text).p;
}
