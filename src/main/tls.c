/* tls.c - the certificate that we serve with (OpenSSL). */
#include "main/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
                           unsigned in_n, void *ctx)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *pick;
	/* A client that does not offer it speaks it all the same, or fails by itself. */
	if (SSL_select_next_proto(&pick, n, ours, sizeof ours - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = pick;
	return SSL_TLSEXT_ERR_OK;
}

bool tls_serve(const char *cert, const char *key, struct ssl_ctx_st **ret, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	const char *bad = NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		bad = cert;
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		bad = key;
	if (!bad) {
		*ret = ctx;
		return true;
	}
	char text[256];
	ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return fail(e, ERR_CONFIG, NULL, "TLS: %s is not usable: %s", bad, text);
}

void tls_free(struct ssl_ctx_st *ctx)
{
	SSL_CTX_free(ctx);
}
