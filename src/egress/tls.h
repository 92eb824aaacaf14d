/* tls.h - the authority that boxes trust, and TLS to both sides of a connection. Any thread. */
#pragma once
#include "base/err.h"

struct ssl_st;
struct authority;

/* NULL: OpenSSL could not make one. */
struct authority *authority_new(void);
void authority_free(struct authority *a);
/* Its certificate, and before it all that this machine trusts, written to `path` at once. */
bool authority_write(const struct authority *a, const char *path, struct err *e);

/* Sides of TLS over a socket that does not block; NULL: OpenSSL has no memory. */
struct ssl_st *tls_inside(const struct authority *a, int fd,
			  const char *host); /* shows a certificate for `host`, made now */
struct ssl_st *tls_outside(const struct authority *a, int fd, const char *host); /* demands one */
