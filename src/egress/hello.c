/* hello.c - which name a client of TLS asks for, out of its first bytes. */
#include "egress/hello.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

enum { HANDSHAKE = 22 /* the first byte of a record */ };

struct hello_heard {
	bool all;
	char *name;
};

static SSL_CTX *hello_ctx;
static pthread_once_t hello_once = PTHREAD_ONCE_INIT;

/* A list of one name: its length, a type of 0, the length of the name. */
static void hello_name(const unsigned char *p, size_t n, char *name)
{
	enum { HEAD = 5 };
	if (n < HEAD || (size_t)(p[0] << 8 | p[1]) != n - 2 || p[2] || (size_t)(p[3] << 8 | p[4]) != n - HEAD)
		return;
	struct str host = {(const char *)p + HEAD, n - HEAD};
	if (!host_fits(host))
		return;
	for (size_t i = 0; i < host.n; i++)
		name[i] = host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] | 32) : host.p[i];
	name[host.n] = 0;
}

/* OpenSSL has taken it apart; no answer is wanted. */
static int hello_on_client(SSL *ssl, int *alert, void *arg)
{
	struct hello_heard *heard = SSL_get_app_data(ssl);
	const unsigned char *p;
	size_t n;
	(void)arg;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	heard->all = true;
	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) == 1)
		hello_name(p, n, heard->name);
	return SSL_CLIENT_HELLO_ERROR;
}

static void hello_init(void)
{
	hello_ctx = SSL_CTX_new(TLS_server_method());
	if (hello_ctx)
		SSL_CTX_set_client_hello_cb(hello_ctx, hello_on_client, NULL);
}

enum hello hello_read(struct str bytes, char name[HOST_MOST + 1])
{
	struct hello_heard heard = {.name = name};
	*name = 0;
	if (!bytes.n || (unsigned char)*bytes.p != HANDSHAKE)
		return bytes.n ? HELLO_OTHER : HELLO_MORE;
	pthread_once(&hello_once, hello_init);
	SSL *ssl = hello_ctx ? SSL_new(hello_ctx) : NULL;
	BIO *in = BIO_new_mem_buf(bytes.p, (int)bytes.n), *out = BIO_new(BIO_s_null());
	int why = SSL_ERROR_SSL;
	if (ssl && in && out) {
		BIO_set_mem_eof_return(in, -1);
		SSL_set_bio(ssl, in, out); /* owns both */
		SSL_set_app_data(ssl, &heard);
		SSL_set_accept_state(ssl);
		why = SSL_get_error(ssl, SSL_do_handshake(ssl));
	} else {
		BIO_free(in);
		BIO_free(out);
	}
	SSL_free(ssl);
	ERR_clear_error();
	return !heard.all && why == SSL_ERROR_WANT_READ && bytes.n < HELLO_MOST ? HELLO_MORE : HELLO_READ;
}
