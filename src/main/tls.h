/* tls.h - the certificate that we serve with (OpenSSL). Main thread. */
#pragma once
#include "base/err.h"

struct ssl_ctx_st;
/* PEM files: the chain, its key. TLS 1.2 or newer, HTTP/1.1 alone by ALPN. To be freed by SSL_CTX_free(). */
bool tls_serve(const char *cert, const char *key, struct ssl_ctx_st **ret, struct err *e);
void tls_free(struct ssl_ctx_st *ctx);
