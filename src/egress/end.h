/* end.h - one end of a connection: a socket that does not block, with or without TLS. One thread. */
#pragma once
#include <openssl/ssl.h>

#include "base/str.h"

struct end {
	int fd;     /* -1: none */
	SSL *ssl;   /* NULL: plain */
	bool write; /* TLS has to write before it can go on reading */
};

enum { END_AGAIN = 0, END_OVER = -1 }; /* nothing now; the end, or a fault */
/* How many bytes, or one of these. */
int end_read(struct end *x, char *to, size_t n);
int end_write(struct end *x, struct str bytes);
/* The other side may go on speaking. */
void end_finish(struct end *x);
void end_close(struct end *x);
/* Are bytes at hand without a look at the socket? */
bool end_pending(const struct end *x);
