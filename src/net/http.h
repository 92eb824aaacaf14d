/* http.h - requests out of bytes, without I/O: llhttp in strict mode and what we refuse beyond it.
 *
 * Fed in any pieces. Refused with 400: what llhttp refuses (both Content-Length and Transfer-Encoding, signs
 * and spaces in numbers, white space before a colon, bare LF or CR, NUL, obs-fold), a missing, doubled
 * or odd Host, any transfer coding but one "chunked", versions but 1.0 and 1.1. With 431: heads (and
 * trailers) over net_limits.head_bytes or header_count. RFC 9112. */
#pragma once
#include <llhttp.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/server.h"

struct http_field { /* offsets into text: the buffer moves while it grows */
	uint32_t name, n_name, value, n_value;
};

enum http_step {
	STEP_MORE, /* all bytes are consumed */
	STEP_HEAD, /* the head is complete: the members below are set */
	STEP_END,  /* the message is complete; the next byte begins another */
	STEP_BAD   /* *e says why; feed no more */
};

struct http {
	llhttp_t parser;
	/* A piece of the body, chunk framing removed; borrowed. */
	void (*body)(struct http *, struct str);
	struct buf text; /* target, names and values, one after the other */
	struct http_field *fields;
	unsigned n_fields, cap_fields;
	size_t head_seen; /* raw bytes of this head, then of its trailers */
	bool in_body, paused;
	struct err *err; /* during http_feed() */
	/* the head */
	enum method method;
	struct str method_text, target;
	bool old;        /* HTTP/1.0 */
	bool keep_alive; /* the client is willing */
	bool chunked;
	bool expect_continue;
	uint64_t length; /* Content-Length; 0 when chunked or none */
};

void http_init(struct http *h, void (*body)(struct http *, struct str));
void http_release(struct http *h);
/* Forgets the message that ended, before the next is fed. */
void http_next(struct http *h);
/* Consumes from the front of *in. After STEP_HEAD it must be called again even without new bytes: a
 * message without a body ends there. */
enum http_step http_feed(struct http *h, struct str *in, struct err *e);
/* First field of that name, trimmed; {0} when absent. Valid until http_next(). */
struct str http_field(const struct http *h, struct str name);
/* "/a?b#c", "http://host/a?b" or "*": where it points. */
void http_split_target(struct str target, struct str *path, struct str *query);
