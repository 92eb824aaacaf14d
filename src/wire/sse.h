/* sse.h - Server-Sent Events, both ways (WHATWG HTML, 9.2 "Server-sent events").
 *
 * Feed any bytes, cut anywhere; emit() is called once per complete event. No sockets, no clock. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* By what a stream that broke off is asked for the rest of it. */
struct sse_resume {
	struct buf id, next_id; /* the last event's id, with or without data; that of the event so far */
	int64_t retry_ms;       /* what the stream asks to wait before it is opened again; -1: nothing yet */
};

struct sse {
	struct buf line;  /* the unfinished line */
	struct buf data;  /* data lines of the event so far ... */
	struct str whole; /* ... but while there is one only, and it is in the bytes that are fed, it stands there */
	struct buf event; /* its name */
	bool cr;          /* the last byte was a CR */
	bool started;     /* past a byte-order mark */
	bool has_data;
	struct sse_resume *resume; /* the reader's; NULL: it opens no stream again, and ids are not kept */
	const char *sender;        /* for the error; "the engine" */
};
/* `max` bounds one line and one event's data. resume: filled while the stream is read; sse_release() frees what is in it. NULL: none. */
void sse_init(struct sse *s, size_t max, struct sse_resume *resume);
void sse_release(struct sse *s);
/* `event` is "" when the stream names none. emit() returns false to stop at once (sse_feed then
 * returns true and drops the rest). Failure: a line or event over max (ERR_ENGINE). */
bool sse_feed(struct sse *s, struct str in, bool (*emit)(void *ctx, struct str event, struct str data), void *ctx,
	      struct err *e);
