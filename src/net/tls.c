/* tls.c - TLS for listeners. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

static const char *reason(void)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());
	return why ? why : "unknown reason";
}

/* Clients that offer protocols get http/1.1, the one that is spoken here. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
			   unsigned n_in, void *ctx)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *found;
	if (SSL_select_next_proto(&found, n, ours, sizeof ours - 1, in, n_in) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = found;
	return SSL_TLSEXT_ERR_OK;
}

bool tls_serve_open(struct str cert_path, struct str key_path, struct ssl_ctx_st **ret, struct err *e)
{
	char cert[4096], key[4096];
	snprintf(cert, sizeof cert, "%.*s", FMT(cert_path));
	snprintf(key, sizeof key, "%.*s", FMT(key_path));
	ERR_clear_error();
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	if (!c)
		return fail(e, ERR_INTERNAL, NULL, "TLS: %s", reason());
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(c, choose_protocol, NULL);
	if (SSL_CTX_use_certificate_chain_file(c, cert) != 1) {
		fail(e, ERR_CONFIG, NULL, "TLS certificate %s: %s", cert, reason());
		SSL_CTX_free(c);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(c) != 1) {
		fail(e, ERR_CONFIG, NULL, "TLS key %s: %s", key, reason());
		SSL_CTX_free(c);
		return false;
	}
	*ret = c;
	return true;
}

void tls_serve_close(struct ssl_ctx_st *ctx)
{
	SSL_CTX_free(ctx);
}
