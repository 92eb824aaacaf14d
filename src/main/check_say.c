/* check_say.c - a finding of `antiphon check`, on stdout. */
#include "main/check_say.h"

#include <stdarg.h>
#include <stdio.h>

void check_say(struct check *c, enum finding f, const char *what, const char *mend, const char *fmt, ...)
{
	static const char *const names[] = {"ok", "note", "BAD"};
	char text[1400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	printf("%-5s %-14s %s\n", names[f], what, text);
	if (mend && f != FINE)
		printf("%-5s %-14s %s%s\n", "", "", f == BAD ? "to mend it: " : "-> ", mend);
	fflush(stdout);
	c->bad += f == BAD;
}
