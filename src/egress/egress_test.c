/* egress_test.c - a gate, and what programs behind it try. TLS and real boxes: tests/test_egress.py. */
#include "egress/egress.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/test.h"
#include "net/server.h"

enum { SEEN = 1 << 20 };

static struct egress *egress;
static int host_port, gate_port, host_listener;
static char seen[SEEN]; /* what the host got last */
static _Atomic int look_ups, reached;

/* one.test is the host; inside.test an address that nobody may reach; turns.test the one at first and then the other.
 */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	bool inside =
	    name && (!strcmp(name, "inside.test") || (!strcmp(name, "turns.test") && atomic_fetch_add(&look_ups, 1)));
	if (name && strstr(name, ".test"))
		name = inside ? "127.0.0.2" : "127.0.0.1";
	return next(name, service, hints, ret);
}

static int test_listen(const char *address, int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	inet_pton(AF_INET, address, &at.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	CHECK(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 64) == 0);
	getsockname(fd, (struct sockaddr *)&at, &n);
	*port = ntohs(at.sin_port);
	return fd;
}

static bool whole(size_t n)
{
	bool chunked = strstr(seen, "Transfer-Encoding: chunked") != NULL;
	const char *end = chunked ? "\r\n0\r\n\r\n" : "\r\n\r\n";
	return n >= strlen(end) && memcmp(seen + n - strlen(end), end, strlen(end)) == 0;
}

/* Answers each request with "ok" and its end. What begins with "echo" it says back, as it comes. */
static void *host_run(void *arg)
{
	int fd;
	(void)arg;
	while ((fd = accept(host_listener, NULL, NULL)) >= 0) {
		static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
		size_t n = 0;
		ssize_t got;
		atomic_fetch_add(&reached, 1);
		memset(seen, 0, sizeof seen);
		while (n < SEEN - 1 && !whole(n) && (got = read(fd, seen + n, SEEN - 1 - n)) > 0) {
			if (strncmp(seen, "echo", 4) == 0 && write(fd, seen + n, (size_t)got) != got)
				break;
			n += (size_t)got;
		}
		if (whole(n) && write(fd, answer, sizeof answer - 1) < 0)
			printf("# the host could not answer\n");
		close(fd);
	}
	return NULL;
}

static int dial(void)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)gate_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
	return fd;
}

static void put(int fd, const char *text)
{
	for (size_t n = strlen(text), at = 0; at < n;) {
		ssize_t w = send(fd, text + at, n - at, MSG_NOSIGNAL);
		if (w <= 0)
			return;
		at += (size_t)w;
	}
}

/* All that comes until its end. */
static const char *hear(int fd)
{
	static char text[65536];
	size_t n = 0;
	ssize_t got;
	while (n < sizeof text - 1 && (got = read(fd, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	close(fd);
	return text;
}

/* %H becomes the host's port. */
static const char *say(const char *text)
{
	struct buf out;
	buf_init(&out, 4096);
	for (const char *at = text; *at; at++)
		if (at[0] == '%' && at[1] == 'H') {
			buf_fmt(&out, "%d", host_port);
			at++;
		} else {
			buf_byte(&out, *at);
		}
	buf_byte(&out, 0);
	int fd = dial();
	put(fd, out.p);
	buf_release(&out);
	return hear(fd);
}

static bool refused(const char *text, const char *how)
{
	char line[64];
	int before = atomic_load(&reached);
	const char *said = say(text);
	snprintf(line, sizeof line, "\r\nAntiphon-Refused: %s\r\n", how);
	bool ok = strstr(said, line) != NULL && before == atomic_load(&reached);
	if (!ok)
		printf("# %.60s was not refused as %s: %s\n", text, how, said);
	return ok;
}

static bool passed(const char *text)
{
	const char *said = say(text);
	bool ok = strcmp(said, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == 0;
	if (!ok)
		printf("# %.60s did not pass: %s\n", text, said);
	return ok;
}

static struct egress_gate *gate(void)
{
	static const struct str domains[] = {STR("one.test"), STR("inside.test"), STR("turns.test"), STR("localhost")};
	static const struct secret secrets[] = {{STR("secret.one.test"), STR("K"), STR("v4lue"), STR("stands-for-it")}};
	const struct egress_policy p = {{domains, sizeof domains / sizeof *domains}, secrets, 1};
	gate_port = 0;
	return egress_open(egress, 7, &p, test_listen("127.0.0.1", &gate_port));
}

static void passes(void)
{
	struct egress_gate *g = gate();
	CHECK(passed("GET http://one.test:%H/a HTTP/1.1\r\nHost: one.test:%H\r\nProxy-Connection: keep-alive\r\n\r\n"));
	CHECK(strncmp(seen, "GET /a HTTP/1.1\r\nHost: one.test:", 32) == 0 && !strstr(seen, "roxy"));
	CHECK(passed("GET http://below.ONE.test.:%H/ HTTP/1.1\r\nHost: below.one.test:%H\r\n\r\n"));
	CHECK(passed("POST http://one.test:%H/ HTTP/1.1\r\nHost: one.test:%H\r\nTransfer-Encoding: "
		     "chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nT: r\r\n\r\n"));
	CHECK(strstr(seen, "\r\n\r\n2\r\nab\r\n0\r\n\r\n") != NULL);
	int fd = dial();
	char text[128];
	snprintf(text, sizeof text, "CONNECT one.test:%d HTTP/1.1\r\nHost: one.test:%d\r\n\r\n", host_port, host_port);
	put(fd, text);
	CHECK(read(fd, text, sizeof text) > 12 && strncmp(text, "HTTP/1.1 200", 12) == 0);
	put(fd, "echo this");
	shutdown(fd, SHUT_WR);
	CHECK(strcmp(hear(fd), "echo this") == 0);
	egress_close(g);
}

static void hosts_refused(void)
{
	struct egress_gate *g = gate();
	CHECK(refused("CONNECT other.test:%H HTTP/1.1\r\nHost: other.test:%H\r\n\r\n", "NOT_ALLOWED"));
	CHECK(refused("CONNECT one.test.evil.org:%H HTTP/1.1\r\nHost: one.test.evil.org\r\n\r\n", "NOT_ALLOWED"));
	CHECK(refused("CONNECT 127.0.0.1:%H HTTP/1.1\r\nHost: 127.0.0.1:%H\r\n\r\n", "NO_NAME"));
	CHECK(refused("CONNECT [::ffff:127.0.0.1]:%H HTTP/1.1\r\nHost: x\r\n\r\n", "NO_NAME"));
	CHECK(refused("GET http://2130706433:%H/ HTTP/1.1\r\nHost: 2130706433:%H\r\n\r\n", "NO_NAME"));
	CHECK(refused("CONNECT one.test:22 HTTP/1.1\r\nHost: one.test:22\r\n\r\n", "PORT"));
	CHECK(refused("CONNECT one.test:443 HTTP/1.1\r\nHost: one.test:443\r\n\r\n", "PORT"));
	CHECK(refused("CONNECT inside.test:%H HTTP/1.1\r\nHost: inside.test:%H\r\n\r\n", "PRIVATE"));
	CHECK(refused("GET http://inside.test:%H/ HTTP/1.1\r\nHost: inside.test:%H\r\n\r\n", "PRIVATE"));
	CHECK(refused("GET http://one.test:%H/ HTTP/1.1\r\nHost: other.test:%H\r\n\r\n", "MALFORMED"));
	CHECK(refused("GET http://other.test:%H/ HTTP/1.1\r\nHost: one.test:%H\r\n\r\n", "MALFORMED"));
	CHECK(refused("GET / HTTP/1.1\r\nHost: one.test\r\n\r\n", "MALFORMED"));
	CHECK(refused("GET http://secret.one.test:%H/ HTTP/1.1\r\nHost: secret.one.test:%H\r\nX: stands-for-it\r\n\r\n",
		      "PLAIN_SECRET"));
	/* A name that turns to another address: it is looked up once for each connection, and guarded then. */
	atomic_store(&look_ups, 0);
	CHECK(passed("GET http://turns.test:%H/ HTTP/1.1\r\nHost: turns.test:%H\r\n\r\n"));
	CHECK(atomic_load(&look_ups) == 1);
	CHECK(refused("GET http://turns.test:%H/ HTTP/1.1\r\nHost: turns.test:%H\r\n\r\n", "PRIVATE"));
	egress_close(g);
}

static void secrets(void)
{
	struct egress_gate *g = gate();
	egress_limits.plain_secrets = 1;
	CHECK(passed(
	    "GET http://secret.one.test:%H/ HTTP/1.1\r\nHost: secret.one.test:%H\r\nX: a stands-for-it b\r\n\r\n"));
	CHECK(strstr(seen, "\r\nX: a v4lue b\r\n") != NULL);
	CHECK(passed("GET http://one.test:%H/ HTTP/1.1\r\nHost: one.test:%H\r\nX: stands-for-it\r\n\r\n"));
	CHECK(strstr(seen, "\r\nX: stands-for-it\r\n") != NULL && !strstr(seen, "v4lue"));
	CHECK(passed(
	    "GET http://a.secret.one.test:%H/ HTTP/1.1\r\nHost: a.secret.one.test:%H\r\nX: stands-for-it\r\n\r\n"));
	CHECK(!strstr(seen, "v4lue"));
	egress_limits.plain_secrets = 0;
	egress_close(g);
}

/* What two readers could understand differently. */
static void smuggled(void)
{
	struct egress_gate *g = gate();
	static const char *const heads[] = {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
					    "Transfer-Encoding: chunked, identity\r\n",
					    "Transfer-Encoding: xchunked\r\n",
					    "Content-Length: 5\r\nContent-Length: 6\r\n",
					    "Content-Length: +5\r\n",
					    "Host: other.test\r\n",
					    "X: a\rY: b\r\n",
					    "X : a\r\n",
					    " X: a\r\n",
					    "X\r\n"};
	char text[512];
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		snprintf(text, sizeof text,
			 "POST http://one.test:%%H/ HTTP/1.1\r\nHost: one.test:%%H\r\n%s\r\n0\r\n\r\n", heads[i]);
		CHECK(refused(text, "MALFORMED"));
	}
	CHECK(refused("CONNECT one.test:%H HTTP/1.1\r\nHost: one.test:%H\r\nContent-Length: 1\r\n\r\nx", "MALFORMED"));
	/* A second request behind the first goes nowhere. */
	int before = atomic_load(&reached);
	CHECK(passed("GET http://one.test:%H/ HTTP/1.1\r\nHost: one.test:%H\r\n\r\nGET http://inside.test:%H/ "
		     "HTTP/1.1\r\nHost: inside.test:%H\r\n\r\n"));
	CHECK(!strstr(seen, "inside") && atomic_load(&reached) == before + 1);
	/* Chunks that are none end the connection; no answer of the host's is passed for what it never got whole. */
	static const char *const bodies[] = {"fffffffffffffffff\r\n", "-1\r\n", "2\r\nabc\r\n", "2\nab\n0\n\n",
					     "0x2\r\nab\r\n"};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		snprintf(
		    text, sizeof text,
		    "POST http://one.test:%%H/ HTTP/1.1\r\nHost: one.test:%%H\r\nTransfer-Encoding: chunked\r\n\r\n%s",
		    bodies[i]);
		CHECK(strcmp(say(text), "") == 0);
	}
	egress_close(g);
}

static void bounds(void)
{
	struct egress_gate *g = gate();
	const int64_t head_ms = egress_limits.head_ms;
	char *line = xalloc((size_t)net_limits.head_bytes + 4096);
	memset(line, 'a', (size_t)net_limits.head_bytes + 4095);
	line[net_limits.head_bytes + 4095] = 0;
	memcpy(line, "GET http://", 11);
	int fd = dial();
	put(fd, line);
	CHECK(strstr(hear(fd), "Antiphon-Refused: LARGE") != NULL);
	xfree(line);
	/* A head that comes byte by byte, and one that does not come. */
	egress_limits.head_ms = 300;
	fd = dial();
	CHECK(strstr(hear(fd), "Antiphon-Refused: SLOW") != NULL);
	fd = dial();
	for (int i = 0; i < 200; i++) {
		if (send(fd, "G", 1, MSG_NOSIGNAL) < 0)
			break;
		usleep(5000);
	}
	CHECK(strstr(hear(fd), "HTTP/1.1 4") != NULL);
	egress_limits.head_ms = head_ms;
	/* A flood: as many as there may be are heard, others are told so, and all are free again afterwards. */
	egress_limits.box_connections = 4;
	int many[4];
	char text[64];
	for (int i = 0; i < 4; i++) {
		many[i] = dial();
		snprintf(text, sizeof text, "CONNECT one.test:%d HTTP/1.1\r\nHost: one.test\r\n\r\n", host_port);
		put(many[i], text);
	}
	/* The first is served: the other three wait for the host, which takes one at a time; the fifth finds no place.
	 */
	CHECK(read(many[0], text, sizeof text) > 0);
	CHECK(strstr(say("GET http://one.test:%H/ HTTP/1.1\r\nHost: one.test:%H\r\n\r\n"), "Antiphon-Refused: BUSY") !=
	      NULL);
	for (int i = 0; i < 4; i++) {
		shutdown(many[i], SHUT_WR);
		hear(many[i]);
	}
	bool again = false;
	for (int i = 0; i < 1000 && !again; i++) { /* a place is free when its thread has ended */
		again = strstr(say("GET http://one.test:%H/ HTTP/1.1\r\nHost: one.test:%H\r\n\r\n"), "200 OK") != NULL;
		usleep(again ? 0 : 5000);
	}
	CHECK(again);
	egress_limits.box_connections = 16;
	/* Bytes of one connection. */
	egress_limits.bytes = 1024;
	fd = dial();
	snprintf(text, sizeof text, "CONNECT one.test:%d HTTP/1.1\r\nHost: one.test\r\n\r\n", host_port);
	put(fd, text);
	CHECK(read(fd, text, sizeof text) > 0);
	put(fd, "echo");
	for (int i = 0; i < 100; i++)
		put(fd, "0123456789012345678901234567890123456789");
	CHECK(strlen(hear(fd)) < 4000);
	egress_limits.bytes = 1 << 30;
	egress_close(g);
}

/* A box that ends takes its connections with it. */
static void ends(void)
{
	struct egress_gate *g = gate();
	int fd = dial();
	char text[128];
	snprintf(text, sizeof text, "CONNECT one.test:%d HTTP/1.1\r\nHost: one.test\r\n\r\n", host_port);
	put(fd, text);
	CHECK(read(fd, text, sizeof text) > 0);
	egress_close(g);
	CHECK(strcmp(hear(fd), "") == 0);
}

static const struct test_case cases[] = {
    {"what is listed is reached", passes},
    {"nothing else is", hosts_refused},
    {"secrets go to their host", secrets},
    {"what is not clear is refused", smuggled},
    {"bounds", bounds},
    {"the end of a box", ends},
};

int main(void)
{
	static const struct str all[] = {STR("*")}, here[] = {STR("127.0.0.1")};
	static int64_t port;
	struct arena a = {0};
	struct err e = {0};
	pthread_t thread;
	signal(SIGPIPE, SIG_IGN);
	host_listener = test_listen("127.0.0.1", &host_port);
	port = host_port;
	egress_options = (struct egress_options){.domains = {all, 1}, .ports = &port, .n_ports = 1};
	if (!guard_read(&a, here, 1, &egress_options.guard, &e) || pthread_create(&thread, NULL, host_run, NULL))
		return 1;
	egress = egress_new(S("/tmp"));
	int bad = test_main(cases, sizeof cases / sizeof *cases);
	egress_free(egress);
	shutdown(host_listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(host_listener);
	arena_free(&a);
	return bad;
}
