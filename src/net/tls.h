/* tls.h - TLS for listeners (--tls-cert, --tls-key): TLS 1.2 and 1.3, no client certificates. */
#pragma once
#include "base/err.h"

struct ssl_ctx_st;

/* PEM files: the certificate with its chain, and its key. ERR_CONFIG says what is wrong with them. */
bool tls_serve_open(struct str cert_path, struct str key_path, struct ssl_ctx_st **ret, struct err *e);
/* After the servers that use it. */
void tls_serve_close(struct ssl_ctx_st *ctx);
