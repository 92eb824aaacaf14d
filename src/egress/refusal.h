/* refusal.h - why something is not passed on, and what is answered then. Pure. */
#pragma once
#include "base/buf.h"

enum refusal {
	REFUSAL_NONE,
#define REFUSAL(name, status, phrase, text) REFUSAL_##name,
#include "egress/refusals.def"
#undef REFUSAL
};

/* An HTTP answer, whole; the connection ends with it. */
void refusal_write(enum refusal r, const char *host, struct buf *out);
/* "NOT_ALLOWED"; "NONE". */
const char *refusal_name(enum refusal r);
