/* refusal.c - why something is not passed on, and what is answered then. */
#include "egress/refusal.h"

#include <stdio.h>

static const struct {
	const char *name, *phrase, *text;
	int status;
} rows[] = {
    [REFUSAL_NONE] = {"NONE", "OK", "", 200},
#define REFUSAL(name, status, phrase, text) [REFUSAL_##name] = {#name, phrase, text, status},
#include "egress/refusals.def"
#undef REFUSAL
};

const char *refusal_name(enum refusal r)
{
	return rows[r].name;
}

void refusal_write(enum refusal r, const char *host, struct buf *out)
{
	struct str text = str_of(rows[r].text);
	size_t hole = str_find(text, '%');
	struct str name = hole < text.n ? str_of(*host ? host : "The host") : S("");
	size_t skip = hole < text.n ? 2 : 0; /* "%s" */
	buf_fmt(out,
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nConnection: close\r\nAntiphon-Refused: %s\r\n"
		"Content-Length: %zu\r\n\r\n%.*s%.*s%.*s\n",
		rows[r].status, rows[r].phrase, rows[r].name, text.n - skip + name.n + 1, (int)hole, text.p, FMT(name),
		(int)(text.n - hole - skip), text.p + hole + skip);
}
