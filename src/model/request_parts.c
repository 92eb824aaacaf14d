/* request_parts.c - what the files that read a request share. */
#include "model/request_parts.h"

struct str take(struct reader *r)
{
	struct str s = str_copy(r->a, buf_str(&r->out));
	buf_clear(&r->out);
	return s;
}
