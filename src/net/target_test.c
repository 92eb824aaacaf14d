/* target_test.c - engine URLs and the environment's proxy; calls over TLS and through proxies. */
#include "net/client.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "base/test.h"
#include "net/peer_test.h"

static bool parse(struct arena *a, const char *url, struct http_target *t)
{
	struct err e = {0};
	*t = (struct http_target){0};
	bool ok = http_target_parse(a, str_of(url), t, &e);
	CHECK(ok == (e.code == ERR_NONE) && (ok || e.code == ERR_CONFIG));
	return ok;
}

static void no_proxy(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
					    "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

static void takes_urls_apart(void)
{
	static const struct {
		const char *url, *host, *port, *prefix, *path;
		bool tls;
	} good[] = {
	    {"http://h", "h", "80", "", "", false},
	    {"https://api.example.com/v1", "api.example.com", "443", "", "", true},
	    {"HTTP://h:8000/v1/", "h", "8000", "", "", false},
	    {"http://h:8000/api/v1", "h", "8000", "/api", "", false},
	    {"http://h/openai/", "h", "80", "/openai", "", false},
	    {"http://[::1]:9/x", "::1", "9", "/x", "", false},
	    {"http://[::1]", "::1", "80", "", "", false},
	    {"unix:/run/x.sock", "localhost", "", "", "/run/x.sock", false},
	    {"unix:///run/x.sock", "localhost", "", "", "/run/x.sock", false},
	};
	static const char *const bad[] = {"",
					  "h",
					  "h:80",
					  "ftp://h",
					  "http://",
					  "http://:80",
					  "http://h:0",
					  "http://h:99999",
					  "http://h:x",
					  "http://u:p@h",
					  "http://h/#f",
					  "http://h /",
					  "http://h\r\nX: y",
					  "http://[::1",
					  "http://[::1]x",
					  "unix:",
					  "unix:x.sock"};
	struct arena a = {0};
	struct http_target t;
	no_proxy();
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK(parse(&a, good[i].url, &t) && t.tls == good[i].tls);
		CHECK_STR(t.host, str_of(good[i].host));
		CHECK_STR(t.port, str_of(good[i].port));
		CHECK_STR(t.prefix, str_of(good[i].prefix));
		CHECK_STR(t.unix_path.p ? t.unix_path : S(""), str_of(good[i].path));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!parse(&a, bad[i], &t));
	struct err e = {0};
	CHECK(!http_target_parse(&a, S("127.0.0.1:11434"), &t, &e) && strstr(e.msg, "(http://127.0.0.1:11434?)"));
	char longer[300] = "unix:/";
	memset(longer + 6, 'x', 200);
	CHECK(!parse(&a, longer, &t));
	arena_free(&a);
}

static void applies_proxies(void)
{
	struct arena a = {0};
	struct http_target t;
	no_proxy();
	setenv("http_proxy", "http://us%40er:p%3Ass@proxy:3128/", 1);
	setenv("https_proxy", "proxy2", 1);
	CHECK(parse(&a, "http://h", &t));
	CHECK_STR(t.proxy_host, S("proxy"));
	CHECK_STR(t.proxy_port, S("3128"));
	CHECK_STR(t.proxy_auth, S("dXNAZXI6cDpzcw=="));
	CHECK(parse(&a, "https://h", &t) && !t.proxy_auth.p);
	CHECK_STR(t.proxy_host, S("proxy2"));
	CHECK_STR(t.proxy_port, S("80"));
	setenv("no_proxy", "other, .example.com,b.c", 1);
	CHECK(parse(&a, "http://a.EXAMPLE.com", &t) && !t.proxy_host.p);
	CHECK(parse(&a, "http://example.com", &t) && !t.proxy_host.p);
	CHECK(parse(&a, "http://notexample.com", &t) && t.proxy_host.p);
	CHECK(parse(&a, "http://a.b.c", &t) && !t.proxy_host.p);
	CHECK(parse(&a, "http://ab.c", &t) && t.proxy_host.p);
	CHECK(parse(&a, "http://localhost:1", &t) && !t.proxy_host.p);
	CHECK(parse(&a, "http://127.0.0.1:1", &t) && !t.proxy_host.p);
	CHECK(parse(&a, "unix:/x", &t) && !t.proxy_host.p);
	setenv("no_proxy", "*", 1);
	CHECK(parse(&a, "http://h", &t) && !t.proxy_host.p);
	unsetenv("no_proxy");
	setenv("http_proxy", "socks5://h:1", 1);
	CHECK(!parse(&a, "http://h", &t));
	no_proxy();
	arena_free(&a);
}

/* --- over the wire --- */

static struct loop *loop;
static struct peer peer;
static struct client *client;
static SSL_CTX *server_tls;
static char cert_file[64];
static struct err ended;
static int status_seen;
static struct buf body_seen, heard;
static struct timer watchdog;
static const char *forced_proxy; /* port on 127.0.0.1: also for targets that no proxy is used for */

/* A certificate for localhost and 127.0.0.1 that signs itself, trusted through SSL_CERT_FILE. */
static void make_certificate(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1,
				   0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	X509_add_ext(x, names, -1);
	X509_EXTENSION_free(names);
	X509_sign(x, key, EVP_sha256());
	snprintf(cert_file, sizeof cert_file, "/tmp/antiphon-cert-%d.pem", getpid());
	FILE *f = fopen(cert_file, "w");
	CHECK(f && PEM_write_X509(f, x) == 1);
	fclose(f);
	server_tls = SSL_CTX_new(TLS_server_method());
	CHECK(SSL_CTX_use_certificate(server_tls, x) == 1 && SSL_CTX_use_PrivateKey(server_tls, key) == 1);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void say_hello(struct peer *p, struct peer_conn *pc, struct str request)
{
	buf_clear(&heard);
	buf_add(&heard, request);
	peer_say(pc, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static void say_until_close(struct peer *p, struct peer_conn *pc, struct str request)
{
	peer_say(pc, "HTTP/1.1 200 OK\r\n\r\nhello");
	conn_finish(&pc->conn);
}

static void cut_off(struct timer *t)
{
	conn_close(&OWNER(t, struct peer_conn, later)->conn);
}

/* Cut once the client has read the answer: sooner, the cut might overtake it. */
static struct peer_conn *to_cut;

static void say_and_be_cut(struct peer *p, struct peer_conn *pc, struct str request)
{
	peer_say(pc, "HTTP/1.1 200 OK\r\n\r\nhello");
	to_cut = pc;
}

static void on_head(struct http_call *c, int status)
{
	status_seen = status;
}

static void on_body(struct http_call *c, struct str bytes)
{
	buf_add(&body_seen, bytes);
	if (to_cut)
		timer_start(loop, &to_cut->later, 0, cut_off);
	to_cut = NULL;
}

static void on_end(struct http_call *c, const struct err *e)
{
	ended = *e;
	loop_stop(loop);
}

static void on_watchdog(struct timer *t)
{
	CHECK(!"the test hangs");
	loop_stop(loop);
}

static void open_peer(void (*answer)(struct peer *, struct peer_conn *, struct str))
{
	struct err e = {0};
	peer = (struct peer){.tls = server_tls};
	CHECK(loop_open(&loop, &e));
	peer_open(&peer, loop, NULL, answer);
	client = client_new(loop);
}

static void close_peer(void)
{
	client_free(client);
	peer_close(&peer);
	loop_close(loop);
	peer_free(&peer);
}

static void call(const char *scheme, const char *host, int port)
{
	struct arena a = {0};
	struct http_target t;
	struct http_call c = {.on_head = on_head, .on_body = on_body, .on_end = on_end};
	CHECK(parse(&a, str_fmt(&a, "%s://%s:%d", scheme, host, port).p, &t));
	if (forced_proxy) {
		t.proxy_host = S("127.0.0.1");
		t.proxy_port = str_of(forced_proxy);
	}
	buf_clear(&body_seen);
	status_seen = 0;
	http_call_start(client, &c, &t, METHOD_POST, S("/v1/x"), S("A: b\r\n"), S("{}"));
	timer_start(loop, &watchdog, 20000, on_watchdog);
	loop_run(loop);
	timer_cancel(&watchdog);
	http_call_cancel(&c);
	arena_free(&a);
}

static void speaks_tls(void)
{
	no_proxy();
	setenv("SSL_CERT_FILE", cert_file, 1);
	open_peer(say_hello);
	call("https", "localhost", peer.port);
	CHECK(ended.code == ERR_NONE && status_seen == 200);
	CHECK_STR(buf_str(&body_seen), S("hello"));
	call("https", "localhost", peer.port);
	CHECK(ended.code == ERR_NONE && peer.accepts == 1 && peer.requests == 2);
	call("https", "127.0.0.1", peer.port);
	CHECK(ended.code == ERR_NONE && peer.accepts == 2);
	close_peer();
}

static void ends_tls_properly(void)
{
	open_peer(say_until_close);
	call("https", "localhost", peer.port);
	CHECK(ended.code == ERR_NONE);
	peer.answer = say_and_be_cut;
	call("https", "localhost", peer.port);
	CHECK(ended.code == ERR_ENGINE && strstr(ended.msg, "cut off"));
	CHECK_STR(buf_str(&body_seen), S("hello"));
	close_peer();
}

static void verifies_its_peer(void)
{
	char port[8];
	open_peer(say_hello);
	peer.proxy = true; /* so that any name leads to it */
	snprintf(port, sizeof port, "%d", peer.port);
	forced_proxy = port;
	call("https", "127.0.0.2", 443); /* not in the certificate */
	CHECK(ended.code == ERR_ENGINE && status_seen == 0 && strstr(ended.msg, "IP address mismatch"));
	call("https", "localhost.example", 443);
	CHECK(ended.code == ERR_ENGINE && status_seen == 0 && strstr(ended.msg, "ostname mismatch"));
	CHECK(peer.requests == 2); /* CONNECT only */
	forced_proxy = NULL;
	close_peer();
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	open_peer(say_hello);
	call("https", "localhost", peer.port);
	CHECK(ended.code == ERR_ENGINE && strstr(ended.msg, "self-signed") && peer.requests == 0);
	close_peer();
	setenv("SSL_CERT_FILE", cert_file, 1);
}

static void goes_through_proxies(void)
{
	char url[64];
	no_proxy();
	open_peer(say_hello);
	peer.tls = NULL;
	snprintf(url, sizeof url, "http://a:b@127.0.0.1:%d", peer.port);
	setenv("http_proxy", url, 1);
	call("http", "engine.example", 8000);
	CHECK(ended.code == ERR_NONE && status_seen == 200);
	CHECK_STR(buf_str(&heard), S("POST http://engine.example:8000/v1/x HTTP/1.1\r\nHost: engine.example:8000\r\n"
				     "Proxy-Authorization: Basic YTpi\r\nContent-Length: 2\r\nA: b\r\n\r\n{}"));
	close_peer();
	no_proxy();
	open_peer(say_hello);
	peer.proxy = true;
	snprintf(url, sizeof url, "http://127.0.0.1:%d", peer.port);
	setenv("https_proxy", url, 1);
	call("https", "engine.example", 443); /* the proxy leads to a peer with another name */
	CHECK(ended.code == ERR_ENGINE && peer.requests == 1 && status_seen == 0);
	close_peer();
	no_proxy();
	open_peer(say_hello);
	peer.proxy = true;
	char port[8];
	snprintf(port, sizeof port, "%d", peer.port);
	forced_proxy = port;
	for (int i = 0; i < 2; i++) {
		call("https", "localhost", 4433);
		CHECK(ended.code == ERR_NONE && status_seen == 200 && peer.accepts == 1);
	}
	CHECK(peer.requests == 3); /* CONNECT once, then twice inside */
	forced_proxy = NULL;
	close_peer();
}

static void refuses_connect(struct peer *p, struct peer_conn *pc, struct str request)
{
	peer_say(pc,
		 p->requests == 1 ? "HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\nextra");
}

static void notices_bad_proxies(void)
{
	char url[64];
	open_peer(refuses_connect);
	peer.tls = NULL;
	snprintf(url, sizeof url, "http://127.0.0.1:%d", peer.port);
	setenv("https_proxy", url, 1);
	call("https", "engine.example", 443);
	CHECK(ended.code == ERR_ENGINE && strstr(ended.msg, "refused"));
	call("https", "engine.example", 443);
	CHECK(ended.code == ERR_ENGINE && strstr(ended.msg, "not HTTP"));
	close_peer();
	no_proxy();
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"takes URLs apart", takes_urls_apart},
	    {"applies proxies", applies_proxies},
	    {"speaks TLS", speaks_tls},
	    {"ends TLS properly", ends_tls_properly},
	    {"verifies its peer", verifies_its_peer},
	    {"goes through proxies", goes_through_proxies},
	    {"notices bad proxies", notices_bad_proxies},
	};
	buf_init(&body_seen, 1 << 20);
	buf_init(&heard, 1 << 20);
	make_certificate();
	int bad = test_main(tests, sizeof tests / sizeof *tests);
	buf_release(&body_seen);
	buf_release(&heard);
	SSL_CTX_free(server_tls);
	unlink(cert_file);
	return bad;
}
