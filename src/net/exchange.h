/* exchange.h - answering one request (see server.h for its life).
 *
 * Content-Length or chunked, HEAD, keep-alive and 100-continue are the server's business. Every answer
 * carries x-request-id, openai-processing-ms and openai-version. Writes are gathered and leave at the end
 * of the loop's turn: what is ready together shares a write, and no event is split over two. Loop thread. */
#pragma once
#include "net/exchange_request.h"

/* Adds a header to the answer; before exchange_send() or exchange_begin(). Name and value are copied;
 * a value with CR, LF or NUL is dropped. */
void exchange_add_header(struct exchange *x, struct str name, struct str value);
/* The whole answer. `body` is copied. The exchange may not be touched afterwards. */
void exchange_send(struct exchange *x, int status, struct str content_type, struct str body);

/* A body in pieces: begin, write ..., end. `r` is told when the reader leaves or has room again. */
void exchange_begin(struct exchange *x, int status, struct str content_type, struct reader *r);
/* The same with its Content-Length; what is written must come to that. */
void exchange_begin_sized(struct exchange *x, int status, struct str content_type, int64_t length, struct reader *r);
void exchange_write(struct exchange *x, struct str bytes); /* copied */
/* One piece made of several parts. */
void exchange_write_parts(struct exchange *x, const struct str *parts, size_t n);
void exchange_end(struct exchange *x);
/* Cuts the connection without a proper end (the only way to say "failed" after a 200 in JSON form). */
void exchange_abort(struct exchange *x);

/* Registers `r` before anything is sent, so that a client that leaves while a handler waits is noticed. */
void exchange_watch(struct exchange *x, struct reader *r);
/* No more calls to the reader; the exchange must still be ended. */
void exchange_unwatch(struct exchange *x);
/* true: more than net_limits.reader_bytes wait; stop writing until room(). */
bool exchange_full(const struct exchange *x);
bool exchange_begun(const struct exchange *x);
