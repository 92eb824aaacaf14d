/* multipart.h - multipart/form-data bodies, taken while they come (RFC 7578, RFC 2046 5.1).
 *
 * Feed any bytes, cut anywhere; the part's head is told once, its bytes in pieces as they come, its end once. No
 * sockets, no clock. Refused with 400: a boundary that is missing or malformed, a part without a form-data name,
 * more parts or longer part heads than the bounds, NUL or invalid UTF-8 in names, a body cut off. Names are told as
 * they came: what a file name may be is the caller's affair. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum {
	MULTIPART_HEAD = 8192,  /* bytes of one part's head */
	MULTIPART_PREFACE = 1024, /* bytes before the first boundary */
	MULTIPART_BOUNDARY = 70,
};

struct multipart_head { /* borrowed for the call */
	struct str name;
	struct str filename; /* {0}: a plain field */
	struct str type;     /* Content-Type; {0}: none */
};

struct multipart;
struct multipart_events {
	bool (*part)(struct multipart *, const struct multipart_head *head, struct err *e);
	bool (*bytes)(struct multipart *, struct str bytes, struct err *e);
	bool (*part_end)(struct multipart *, struct err *e);
};

struct multipart { /* embed it */
	const struct multipart_events *events;
	enum multipart_at { MP_PREFACE, MP_HEAD, MP_DATA, MP_AFTER, MP_DASH, MP_LINE, MP_DONE } at;
	char mark[MULTIPART_BOUNDARY + 5]; /* CR LF "--" boundary */
	size_t n_mark, matched;            /* bytes of it that have been seen at the end of what came */
	size_t preface;
	unsigned parts, most;
	struct buf head;
};

/* Is that Content-Type a form at all? */
bool multipart_type(struct str content_type);
/* `most`: parts. After false only multipart_release() may follow. */
bool multipart_init(struct multipart *m, const struct multipart_events *events, struct str content_type, unsigned most,
		    struct err *e);
void multipart_release(struct multipart *m);
/* After a failure feed no more. What follows the last boundary is dropped. */
bool multipart_feed(struct multipart *m, struct str in, struct err *e);
/* At the end of the body: false when the last boundary has not come. */
bool multipart_end(struct multipart *m, struct err *e);
