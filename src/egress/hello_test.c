/* hello_test.c - the name that a client of TLS asks for, however its first bytes are cut. */
#include "egress/hello.h"

#include <openssl/ssl.h>
#include <string.h>

#include "base/test.h"

enum { ROOM = 16384 };

/* What a client says first; `name` NULL: it asks for none. */
static struct str hello_of(const char *name, int version, char room[ROOM])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	SSL_set_bio(ssl, in, out);
	if (version)
		SSL_set_max_proto_version(ssl, version);
	if (name)
		SSL_set_tlsext_host_name(ssl, name);
	SSL_set_connect_state(ssl);
	SSL_do_handshake(ssl);
	int n = BIO_read(out, room, ROOM);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return (struct str){room, n < 0 ? 0 : (size_t)n};
}

static void named(void)
{
	static const struct {
		const char *asked, *name;
		int version;
	} all[] = {{"api.example", "api.example", 0},
		   {"API.Example", "api.example", TLS1_2_VERSION},
		   {NULL, "", 0},
		   {"a b", "", 0},
		   {"1.2.3.4", "", 0}};
	char room[ROOM], name[HOST_MOST + 1];
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct str hello = hello_of(all[i].asked, all[i].version, room);
		CHECK(hello.n > 100);
		for (size_t n = 0; n < hello.n; n++)
			CHECK(hello_read((struct str){hello.p, n}, name) == HELLO_MORE && !*name);
		CHECK(hello_read(hello, name) == HELLO_READ && strcmp(name, all[i].name) == 0);
	}
}

/* What cannot be read has no name; what does not begin as TLS does is none. */
static void others(void)
{
	char room[ROOM], name[HOST_MOST + 1];
	struct str hello = hello_of("api.example", 0, room);
	CHECK(hello_read(S("GET / HTTP/1.1\r\n"), name) == HELLO_OTHER &&
	      hello_read(S("SSH-2.0-x\r\n"), name) == HELLO_OTHER);
	CHECK(hello_read(S("\x16\x03\x01\xff\xff\x01"), name) == HELLO_READ && !*name);
	room[5] = 2; /* the answer to one */
	CHECK(hello_read(hello, name) == HELLO_READ && !*name);
	memset(room, 22, sizeof room);
	CHECK(hello_read((struct str){room, sizeof room}, name) == HELLO_READ && !*name);
}

int main(void)
{
	static const struct test_case cases[] = {{"named", named}, {"others", others}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
