/* tls.c - the authority that boxes trust, and TLS to both sides of a connection. */
#include "egress/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "net/dial.h"

enum { EARLIER_S = 3600, LEAF_S = 86400, AUTHORITY_S = 10 * 365 * 86400 };

struct authority {
	EVP_PKEY *key, *leaf; /* one key for all certificates that it signs: nobody but us has either */
	X509 *cert;
	SSL_CTX *inside, *outside;
};

static bool tls_name(X509_NAME *name, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool tls_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = x && X509_add_ext(cert, x, -1) == 1;
	X509_EXTENSION_free(x);
	return ok;
}

/* What all certificates of ours have; not signed yet. */
static X509 *tls_certificate(EVP_PKEY *key, const char *subject, long seconds)
{
	X509 *c = X509_new();
	uint64_t serial = 0;
	bool ok = c && RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 && X509_set_version(c, 2) == 1 &&
		  ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial >> 1 | 1) == 1 &&
		  X509_gmtime_adj(X509_getm_notBefore(c), -EARLIER_S) &&
		  X509_gmtime_adj(X509_getm_notAfter(c), seconds) && X509_set_pubkey(c, key) == 1 &&
		  tls_name(X509_get_subject_name(c), subject);
	if (ok)
		return c;
	X509_free(c);
	return NULL;
}

static X509 *tls_authority(EVP_PKEY *key)
{
	X509 *c = tls_certificate(key, "Antiphon's proxy for boxes", AUTHORITY_S);
	if (c && X509_set_issuer_name(c, X509_get_subject_name(c)) == 1 &&
	    tls_extension(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    tls_extension(c, c, NID_key_usage, "critical,keyCertSign") &&
	    tls_extension(c, c, NID_subject_key_identifier, "hash") && X509_sign(c, key, EVP_sha256()))
		return c;
	X509_free(c);
	return NULL;
}

static X509 *tls_leaf(const struct authority *a, const char *host)
{
	char names[300];
	/* The name in full stands in the second place alone: the first takes 64 bytes. */
	X509 *c = tls_certificate(a->leaf, "box", LEAF_S);
	snprintf(names, sizeof names, "DNS:%s", host);
	if (c && X509_set_issuer_name(c, X509_get_subject_name(a->cert)) == 1 &&
	    tls_extension(c, a->cert, NID_subject_alt_name, names) &&
	    tls_extension(c, a->cert, NID_ext_key_usage, "serverAuth") &&
	    tls_extension(c, a->cert, NID_authority_key_identifier, "keyid") && X509_sign(c, a->key, EVP_sha256()))
		return c;
	X509_free(c);
	return NULL;
}

struct authority *authority_new(void)
{
	struct authority *a = xalloc(sizeof *a);
	a->key = EVP_EC_gen("P-256");
	a->leaf = EVP_EC_gen("P-256");
	a->cert = a->key ? tls_authority(a->key) : NULL;
	a->inside = SSL_CTX_new(TLS_server_method());
	a->outside = dial_tls_new();
	ERR_clear_error();
	if (a->leaf && a->cert && a->inside && a->outside && SSL_CTX_set_min_proto_version(a->inside, TLS1_2_VERSION)) {
		const long mode = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER; /* end_write() */
		SSL_CTX_set_options(a->inside, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
		SSL_CTX_set_mode(a->inside, mode);
		SSL_CTX_set_mode(a->outside, mode);
		return a;
	}
	authority_free(a);
	return NULL;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	SSL_CTX_free(a->inside);
	SSL_CTX_free(a->outside);
	X509_free(a->cert);
	EVP_PKEY_free(a->leaf);
	EVP_PKEY_free(a->key);
	xfree(a);
}

/* What SSL_CERT_FILE names for the server counts for boxes, too. */
static void tls_copy_trusted(FILE *to)
{
	const char *named = getenv("SSL_CERT_FILE"), *files[] = {"/etc/ssl/certs/ca-certificates.crt", named};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		FILE *from = files[i] ? fopen(files[i], "re") : NULL;
		char piece[8192];
		size_t n;
		while (from && (n = fread(piece, 1, sizeof piece, from)) > 0)
			fwrite(piece, 1, n, to);
		if (from)
			fclose(from);
	}
}

bool authority_write(const struct authority *a, const char *path, struct err *e)
{
	char fresh[4200];
	snprintf(fresh, sizeof fresh, "%s.new", path);
	FILE *to = fopen(fresh, "we");
	if (to)
		tls_copy_trusted(to);
	bool ok = to && PEM_write_X509(to, a->cert) == 1;
	if (to && fclose(to))
		ok = false;
	ok = ok && rename(fresh, path) == 0;
	return ok || fail(e, ERR_UNAVAILABLE, NULL, "the file of authorities for boxes cannot be written: %m");
}

struct ssl_st *tls_inside(const struct authority *a, int fd, const char *host)
{
	X509 *leaf = tls_leaf(a, host);
	SSL *ssl = leaf ? SSL_new(a->inside) : NULL;
	bool ok = ssl && SSL_use_certificate(ssl, leaf) == 1 && SSL_use_PrivateKey(ssl, a->leaf) == 1 &&
		  SSL_set_fd(ssl, fd) == 1;
	X509_free(leaf);
	if (ok)
		SSL_set_accept_state(ssl);
	if (ok)
		return ssl;
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}

struct ssl_st *tls_outside(const struct authority *a, int fd, const char *host)
{
	SSL *ssl = SSL_new(a->outside);
	if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_set_tlsext_host_name(ssl, host) && SSL_set1_host(ssl, host)) {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		SSL_set_connect_state(ssl);
		return ssl;
	}
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}
