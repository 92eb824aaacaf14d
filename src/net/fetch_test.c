/* fetch_test.c - fetching from a server that misbehaves, under a name server that does too. */
#include "net/fetch.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/test.h"

enum { ENDLESS = 64 << 20, BOMB = 32 << 20 };

static int listener, port;
static atomic_int look_ups, requests;
static _Atomic bool stop_slow;
static struct guard loopback; /* allows 127.0.0.1 */

/* Names of this test: *.loop is 127.0.0.1, *.meta the address of a metadata service; rebind.test is open at first and
 * loopback from the second look-up on. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (host && !strcmp(host, "name.loop"))
		host = "127.0.0.1";
	else if (host && !strcmp(host, "name.meta"))
		host = "169.254.169.254";
	else if (host && !strcmp(host, "rebind.test"))
		host = atomic_fetch_add(&look_ups, 1) ? "127.0.0.1" : "127.0.0.2";
	return next(host, service, hints, ret);
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		return;
}

static void answer_redirect(int fd, const char *status, const char *to)
{
	char head[512];
	snprintf(head, sizeof head, "HTTP/1.1 %s\r\nLocation: %.*s\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmove",
		 status, (int)strcspn(to, " "), to);
	say(fd, head);
}

/* Small on the wire, large unpacked. */
static void answer_bomb(int fd)
{
	static char zeros[65536], packed[131072];
	z_stream z = {0};
	deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
	z.next_out = (Bytef *)packed;
	z.avail_out = sizeof packed;
	for (int left = BOMB; left > 0; left -= (int)sizeof zeros) {
		z.next_in = (Bytef *)zeros;
		z.avail_in = sizeof zeros;
		deflate(&z, left > (int)sizeof zeros ? Z_NO_FLUSH : Z_FINISH);
	}
	char head[160];
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n", z.total_out);
	say(fd, head);
	if (write(fd, packed, z.total_out) < 0)
		return;
	deflateEnd(&z);
}

static void answer_endless(int fd, const char *head, const char *piece)
{
	say(fd, head);
	for (size_t sent = 0; sent < ENDLESS; sent += strlen(piece))
		if (send(fd, piece, strlen(piece), MSG_NOSIGNAL) < 0)
			return;
}

static void answer_slow(int fd)
{
	char byte;
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
	stop_slow = true;
	while (read(fd, &byte, 1) > 0)
		continue;
}

static void wait_for_end(int fd)
{
	char byte;
	while (read(fd, &byte, 1) > 0)
		continue;
}

/* The connection stays open for one more request, and says how many it had. */
static void answer_twice(int fd, char *request)
{
	for (int n = 1; n <= 2; n++) {
		char text[120];
		snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n);
		say(fd, text);
		if (n == 1 && read(fd, request, 60000) <= 0)
			return;
	}
}

static void answer_echo(int fd, const char *request)
{
	char head[160];
	snprintf(head, sizeof head, "HTTP/1.1 201 Made\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
		 strlen(request));
	say(fd, head);
	say(fd, request);
}

static void answer(int fd, char *request)
{
	const char *path = strchr(request, ' ') + 1;
	if (!strncmp(path, "/to/", 4))
		answer_redirect(fd, "302 Found", path + 4);
	else if (!strncmp(path, "/keep/", 6))
		answer_redirect(fd, "307 Temporary Redirect", path + 6);
	else if (!strncmp(path, "/around", 7))
		answer_redirect(fd, "307 Temporary Redirect", "/around ");
	else if (!strncmp(path, "/teapot", 7))
		say(fd, "HTTP/1.1 418 No\r\nX-Session:  abc \r\nx-twice: 1\r\nX-Twice: 2\r\nContent-Length: 5\r\n\r\nshort");
	else if (!strncmp(path, "/silent", 7))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: one\n"), wait_for_end(fd);
	else if (!strncmp(path, "/twice", 6))
		answer_twice(fd, request);
	else if (!strncmp(path, "/bomb", 5))
		answer_bomb(fd);
	else if (!strncmp(path, "/endless", 8))
		answer_endless(fd, "HTTP/1.1 200 OK\r\n\r\n", "0123456789abcdef0123456789abcdef");
	else if (!strncmp(path, "/headers", 8))
		answer_endless(fd, "HTTP/1.1 200 OK\r\n", "X-More: 0123456789abcdef\r\n");
	else if (!strncmp(path, "/large", 6))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
	else if (!strncmp(path, "/slow", 5))
		answer_slow(fd);
	else if (!strncmp(path, "/cut", 4))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
	else if (!strncmp(path, "/nonsense", 9))
		say(fd, "220 smtp.example ESMTP\r\n");
	else
		answer_echo(fd, request);
}

static void *serve(void *ctx)
{
	int fd;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		static char request[65536];
		size_t n = 0;
		ssize_t got;
		request[0] = 0;
		/* A TLS greeting gets an answer that is none. */
		while (request[0] != 0x16 && !strstr(request, "\r\n\r\n") && (got = read(fd, request + n, sizeof request - n - 1)) > 0) {
			n += (size_t)got;
			request[n] = 0;
		}
		if (request[0] == 0x16)
			say(fd, "220 smtp.example ESMTP\r\n");
		else if (n) {
			requests++;
			answer(fd, request);
		}
		close(fd);
	}
	return NULL;
}

static void open_server(void)
{
	static const struct str allow = STR("127.0.0.1");
	static struct arena a;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	struct err e = {0};
	pthread_t thread;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&at, &n) || !guard_read(&a, &allow, 1, &loopback, &e))
		abort();
	port = ntohs(at.sin_port);
	pthread_create(&thread, NULL, serve, NULL);
	pthread_detach(thread);
}

static enum fetch_fault run(struct fetch f, const char *host, const char *path, struct fetch_answer *ret)
{
	char url[256];
	snprintf(url, sizeof url, "http://%s:%d%s", host, port, path);
	f.url = str_of(url);
	return fetch_run(&f, ret);
}

#define CHECK_FAULT(f, host, path, want, text)                                                                         \
	do {                                                                                                           \
		struct fetch_answer a_;                                                                                \
		CHECK_STR(str_of(fetch_fault_name(run(f, host, path, &a_))), str_of(fetch_fault_name(want)));          \
		if (text)                                                                                              \
			CHECK_STR(str_of(a_.why), str_of(text));                                                       \
		fetch_release(&a_);                                                                                    \
	} while (0)

static void asks_and_hears(void)
{
	static const struct str headers[] = {STR("User-Agent: Tests/1"), STR("X-One: two")};
	struct fetch_answer r;
	CHECK(run((struct fetch){0}, "127.0.0.1", "/a?b=c", &r) == FETCH_OK);
	CHECK(r.status == 201 && str_starts(buf_str(&r.body), S("GET /a?b=c HTTP/1.1\r\n")));
	CHECK(strstr(r.body.p, "User-Agent: antiphon/"));
	CHECK_STR(r.content_type, S("text/plain; charset=utf-8"));
	fetch_release(&r);
	struct fetch f = {.headers = headers, .n_headers = 2, .body = S("{}"), .guard = &loopback};
	CHECK(run(f, "127.0.0.1", "/", &r) == FETCH_OK);
	buf_byte(&r.body, 0);
	CHECK(str_starts(buf_str(&r.body), S("POST / HTTP/1.1\r\n")));
	CHECK(strstr(r.body.p, "User-Agent: Tests/1\r\n") && strstr(r.body.p, "X-One: two\r\n"));
	CHECK(strstr(r.body.p, "Content-Length: 2\r\n") && !strstr(r.body.p, "Expect"));
	fetch_release(&r);
	f = (struct fetch){.method = S("DELETE")};
	CHECK(run(f, "127.0.0.1", "/", &r) == FETCH_OK);
	CHECK(str_starts(buf_str(&r.body), S("DELETE / HTTP/1.1\r\n")));
	fetch_release(&r);
}

static void follows_redirects(void)
{
	struct fetch_answer r;
	struct fetch f = {.guard = &loopback, .follow = true};
	char want[64];
	CHECK(run(f, "127.0.0.1", "/to//end", &r) == FETCH_OK && r.status == 201);
	snprintf(want, sizeof want, "http://127.0.0.1:%d/end", port);
	CHECK_STR(r.url, str_of(want));
	fetch_release(&r);
	CHECK_FAULT(f, "127.0.0.1", "/around", FETCH_REDIRECTS, NULL);
	f.follow = false;
	CHECK(run(f, "127.0.0.1", "/to//end", &r) == FETCH_OK && r.status == 302);
	fetch_release(&r);
}

static void stays_outside(void)
{
	struct fetch closed = {.guard = &fetch_guard, .follow = true};
	struct fetch f = {.guard = &loopback, .follow = true};
	int before = requests;
	CHECK_FAULT(closed, "127.0.0.1", "/", FETCH_REFUSED, "a loopback address");
	CHECK_FAULT(closed, "0x7f.1", "/", FETCH_REFUSED, "a loopback address");
	CHECK_FAULT(closed, "localhost", "/", FETCH_REFUSED, "a loopback address");
	CHECK_FAULT(closed, "me@127.0.0.1", "/", FETCH_BAD_URL, "a URL with a user name");
	/* The name looks harmless; its address is not. */
	CHECK_FAULT(closed, "name.loop", "/", FETCH_REFUSED, "a loopback address");
	CHECK_FAULT(closed, "name.meta", "/", FETCH_REFUSED, "a cloud's metadata service");
	CHECK(requests == before);
	/* An open server points elsewhere. */
	static const char *const to[] = {"/to/http://127.0.0.2/",       "/to/http://169.254.169.254/latest/",
					 "/to/http://name.meta/",       "/to/http://[::1]/",
					 "/to/http://[::ffff:10.0.0.1]/", "/to/http://0xa000001/"};
	for (size_t i = 0; i < sizeof to / sizeof *to; i++)
		CHECK_FAULT(f, "127.0.0.1", to[i], FETCH_REFUSED, NULL);
	CHECK_FAULT(f, "127.0.0.1", "/to/file:///etc/passwd", FETCH_BAD_URL, NULL);
	CHECK_FAULT(f, "127.0.0.1", "/to/gopher://127.0.0.1/", FETCH_BAD_URL, NULL);
	CHECK_FAULT(f, "127.0.0.1", "/to/http://me:secret@127.0.0.1/", FETCH_BAD_URL, NULL);
	CHECK(requests == before + 9);
}

/* What counts is the address of the connection, not one that was looked up before. */
static void rebinding_gains_nothing(void)
{
	static const struct str second = STR("127.0.0.2");
	struct arena a = {0};
	struct err e = {0};
	struct guard g;
	CHECK(guard_read(&a, &second, 1, &g, &e));
	struct fetch f = {.guard = &g};
	int before = requests;
	look_ups = 0;
	CHECK_FAULT(f, "rebind.test", "/", FETCH_UNREACHABLE, NULL); /* 127.0.0.2: allowed, nobody there */
	CHECK_FAULT(f, "rebind.test", "/", FETCH_REFUSED, "a loopback address");
	CHECK(look_ups == 2 && requests == before);
	arena_free(&a);
}

/* A proxy would connect where the guard cannot see. */
static void guarded_means_direct(void)
{
	char proxy[64];
	struct fetch_answer r;
	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", port);
	setenv("http_proxy", proxy, 1);
	struct fetch f = {.guard = &fetch_guard};
	CHECK_FAULT(f, "name.meta", "/", FETCH_REFUSED, NULL);
	f = (struct fetch){0};
	CHECK(run(f, "name.meta", "/", &r) == FETCH_OK && str_starts(buf_str(&r.body), S("GET http://name.meta:")));
	fetch_release(&r);
	unsetenv("http_proxy");
}

static void is_bounded(void)
{
	struct fetch f = {.guard = &loopback, .max_bytes = 100000};
	struct fetch_answer r;
	CHECK_FAULT(f, "127.0.0.1", "/endless", FETCH_TOO_LARGE, "the answer has more than 100000 bytes");
	CHECK_FAULT(f, "127.0.0.1", "/large", FETCH_TOO_LARGE, NULL);
	CHECK_FAULT(f, "127.0.0.1", "/headers", FETCH_TOO_LARGE, NULL);
	CHECK(run(f, "127.0.0.1", "/bomb", &r) == FETCH_TOO_LARGE);
	CHECK(r.body.n <= 100000 && r.body.cap <= 200000);
	fetch_release(&r);
	f.max_bytes = BOMB;
	CHECK(run(f, "127.0.0.1", "/bomb", &r) == FETCH_OK && r.body.n == BOMB);
	fetch_release(&r);
	f.timeout_ms = 200;
	CHECK_FAULT(f, "127.0.0.1", "/slow", FETCH_TIMEOUT, NULL);
}

static void tells_what_went_wrong(void)
{
	struct fetch f = {.guard = &loopback};
	struct fetch_answer r;
	CHECK_FAULT(f, "127.0.0.1", "/cut", FETCH_BROKEN, NULL);
	CHECK_FAULT(f, "127.0.0.1", "/nonsense", FETCH_BROKEN, NULL);
	CHECK_FAULT(f, "nowhere.invalid", "/", FETCH_NO_NAME, NULL);
	f.url = S("http://127.0.0.1:1/");
	CHECK(fetch_run(&f, &r) == FETCH_UNREACHABLE && *r.why);
	fetch_release(&r);
	char url[64];
	snprintf(url, sizeof url, "https://127.0.0.1:%d/nonsense", port);
	f.url = str_of(url);
	CHECK(fetch_run(&f, &r) == FETCH_TLS);
	fetch_release(&r);
	static const struct str smuggled = STR("X: y\r\nHost: other");
	f = (struct fetch){.headers = &smuggled, .n_headers = 1};
	CHECK_FAULT(f, "127.0.0.1", "/", FETCH_BAD_URL, "a header holds a line break");
	f = (struct fetch){.url = S("ftp://127.0.0.1/")};
	CHECK(fetch_run(&f, &r) == FETCH_BAD_URL);
	fetch_release(&r);
}

static void can_be_cancelled(void)
{
	stop_slow = false;
	struct fetch f = {.guard = &loopback, .timeout_ms = -1, .cancelled = &stop_slow};
	CHECK_FAULT(f, "127.0.0.1", "/slow", FETCH_CANCELLED, "cancelled");
}

struct pieces {
	size_t n, enough;
};

static bool take(void *ctx, struct str piece)
{
	struct pieces *p = ctx;
	p->n += piece.n;
	return p->n < p->enough;
}

static void hands_on_pieces(void)
{
	struct pieces p = {.enough = 1000000};
	struct fetch f = {.guard = &loopback, .max_bytes = 1024, .on_body = take, .ctx = &p};
	CHECK_FAULT(f, "127.0.0.1", "/endless", FETCH_OK, NULL);
	CHECK(p.n >= 1000000 && p.n < 2000000);
}

/* Whoever needs the answer's headers, and bodies of any status, gets them within the same bounds. */
static void hands_on_any_status(void)
{
	struct pieces p = {.enough = 1000000};
	struct fetch f = {.guard = &loopback, .max_bytes = 1024, .any_status = true, .on_body = take, .ctx = &p};
	struct fetch_answer r;
	CHECK(run(f, "127.0.0.1", "/teapot", &r) == FETCH_OK && r.status == 418 && p.n == 5 && r.body.n == 0);
	CHECK_STR(fetch_header(&r, S("x-session")), S("abc"));
	CHECK_STR(fetch_header(&r, S("X-TWICE")), S("1"));
	CHECK(!fetch_header(&r, S("session")).p && !fetch_header(&r, S("")).p);
	fetch_release(&r);
	CHECK_FAULT(f, "127.0.0.1", "/endless", FETCH_TOO_LARGE, "the answer has more than 1024 bytes");
	p = (struct pieces){.enough = 1000000};
	f.any_status = false;
	CHECK(run(f, "127.0.0.1", "/teapot", &r) == FETCH_OK && p.n == 0 && r.body.n == 5);
	fetch_release(&r);
}

static void stays_at_its_origin(void)
{
	struct pieces p = {.enough = 1000000};
	struct fetch f = {.guard = &loopback, .stay = true, .body = S("{\"a\":1}"), .on_body = take, .any_status = true, .ctx = &p};
	struct fetch_answer r;
	char to[80];
	static const char *const kinds[] = {"/to/", "/keep/"};
	for (size_t i = 0; i < 2; i++) {
		snprintf(to, sizeof to, "%s/end", kinds[i]);
		f.on_body = NULL;
		CHECK(run(f, "127.0.0.1", to, &r) == FETCH_OK && r.status == 201);
		buf_byte(&r.body, 0);
		CHECK(str_starts(buf_str(&r.body), S("POST /end HTTP/1.1\r\n")) && strstr(r.body.p, "Content-Length: 7"));
		CHECK(!fetch_header(&r, S("location")).p);
		fetch_release(&r);
		f.on_body = take;
		p.n = 0;
		CHECK(run(f, "127.0.0.1", to, &r) == FETCH_OK && r.status == 201 && p.n > 20);
		fetch_release(&r);
	}
	int before = requests;
	snprintf(to, sizeof to, "/keep/http://127.0.0.1:%d/x", port + 1);
	CHECK_FAULT(f, "127.0.0.1", to, FETCH_ELSEWHERE, "it redirects to another origin");
	CHECK_FAULT(f, "127.0.0.1", "/to/http://name.loop/", FETCH_ELSEWHERE, NULL);
	CHECK_FAULT(f, "127.0.0.1", "/to/https://127.0.0.1/", FETCH_ELSEWHERE, NULL);
	CHECK_FAULT(f, "127.0.0.1", "/around", FETCH_REDIRECTS, NULL);
	CHECK(requests == before + 3 + 1 + fetch_limits.redirects);
}

static void gives_up_on_silence(void)
{
	struct pieces p = {.enough = 1000000};
	struct fetch f = {.guard = &loopback, .timeout_ms = -1, .idle_ms = 50, .on_body = take, .ctx = &p};
	CHECK_FAULT(f, "127.0.0.1", "/silent", FETCH_TIMEOUT, "nothing came for 50 ms");
	CHECK(p.n == 6);
}

static void connections_are_kept(void)
{
	static const struct str second = STR("127.0.0.0/8");
	struct arena a = {0};
	struct err e = {0};
	struct guard other;
	struct fetch_answer r;
	struct fetch f = {.guard = &loopback, .keep = S("one")}, g = f;
	CHECK(guard_read(&a, &second, 1, &other, &e));
	CHECK(run(f, "127.0.0.1", "/twice", &r) == FETCH_OK);
	CHECK_STR(buf_str(&r.body), S("1"));
	fetch_release(&r);
	/* The server waits for the second request of that connection: others make one of their own, and wait. */
	g.timeout_ms = 50;
	g.keep = S("two");
	CHECK_FAULT(g, "127.0.0.1", "/twice", FETCH_TIMEOUT, NULL);
	g.keep = f.keep;
	g.guard = &other;
	CHECK_FAULT(g, "127.0.0.1", "/twice", FETCH_TIMEOUT, NULL);
	CHECK(run(f, "127.0.0.1", "/twice", &r) == FETCH_OK);
	CHECK_STR(buf_str(&r.body), S("2"));
	fetch_release(&r);
	arena_free(&a);
}

int main(void)
{
	open_server();
	static const struct test_case cases[] = {
	    {"asks and hears", asks_and_hears},
	    {"follows redirects", follows_redirects},
	    {"stays outside", stays_outside},
	    {"rebinding gains nothing", rebinding_gains_nothing},
	    {"guarded means direct", guarded_means_direct},
	    {"is bounded", is_bounded},
	    {"tells what went wrong", tells_what_went_wrong},
	    {"can be cancelled", can_be_cancelled},
	    {"hands on pieces", hands_on_pieces},
	    {"hands on any status", hands_on_any_status},
	    {"stays at its origin", stays_at_its_origin},
	    {"gives up on silence", gives_up_on_silence},
	    {"connections are kept", connections_are_kept},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
