/* attachment.c - one picture or file that a prompt names, and what comes of it. */
#include "attach/attachment.h"

#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool attachment_fail(struct attachment *at, enum err_code code, const char *fmt, ...)
{
	char text[900];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return fail(&at->error, code, at->part.where, "%s", text);
}

struct str attachment_data_url(struct arena *a, struct str type, struct str bytes)
{
	struct str lead = S("data:"), coding = S(";base64,");
	size_t head = lead.n + type.n + coding.n, room = sodium_base64_ENCODED_LEN(bytes.n, sodium_base64_VARIANT_ORIGINAL);
	char *out = arena_bytes(a, head + room);
	memcpy(out, lead.p, lead.n);
	memcpy(out + lead.n, type.p ? type.p : "", type.n); /* a client's, with any bytes in it */
	memcpy(out + lead.n + type.n, coding.p, coding.n);
	sodium_bin2base64(out + head, room, (const unsigned char *)bytes.p, bytes.n, sodium_base64_VARIANT_ORIGINAL);
	return (struct str){out, head + room - 1};
}

bool attachment_put(struct attachment *at, struct prompt_part part)
{
	struct prompt_part *more = new_array(&at->arena, struct prompt_part, at->n + 1);
	assert(at->n < ATTACHMENT_PARTS);
	if (at->n)
		memcpy(more, at->parts, at->n * sizeof *more);
	more[at->n++] = part;
	at->parts = more;
	at->bytes += part.text.n;
	return true;
}
