/* charset.c - encodings of text. */
#include "index/charset.h"

#include <iconv.h>
#include <string.h>

#include "base/buf.h"

struct str charset_to_utf8(struct arena *a, struct str charset, struct str body)
{
	char name[48];
	struct buf out;
	if (charset.n >= sizeof name)
		return body;
	memcpy(name, charset.p, charset.n);
	name[charset.n] = 0;
	iconv_t c = iconv_open("UTF-8", name);
	if (c == (iconv_t)-1)
		return body;
	buf_init(&out, body.n * 4 + 8192); /* room for a whole step at the end */
	char *in = (char *)(uintptr_t)body.p, *to;
	size_t left = body.n;
	while (left && (to = buf_room(&out, 4096))) {
		char *end = to;
		size_t room = 4096;
		iconv(c, &in, &left, &end, &room);
		out.n += (size_t)(end - to);
		if (end == to && left) { /* no character of that encoding */
			in++;
			left--;
		}
	}
	iconv_close(c);
	struct str text = str_copy(a, buf_str(&out));
	buf_release(&out);
	return text;
}
