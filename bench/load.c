/* load.c - one client machine in one thread, for benchmarks only.
 *
 *   bench-load MODE PORT CONNECTIONS COUNT [ARG]
 *
 * turn     POST /v1/responses, not streamed; COUNT requests over CONNECTIONS kept-alive connections
 * chain    the same, each continuing the one before on its connection (ARG: turns before it starts anew)
 * talk     POST /v1/responses on the conversation ARG
 * get      GET /v1/responses/ARG
 * stream   COUNT streams, CONNECTIONS at once; counts events and how late they are (text = sending time)
 * back     the same of background responses
 * ws       turns over WebSockets
 * proxy    POST /v1/chat/completions to a proxy in front of the engine
 * beat     GET /health on one connection, one a millisecond, until standard input ends: how long is a loop held? ARG: the
 *          server's process, whose CPU time within an answer is told, too: on a loaded machine others take the rest
 * idle-ws, idle-sse, idle-proxy   CONNECTIONS WebSockets, or streams that have begun; held open until standard input ends
 *
 * Prints one line of JSON: requests, errors, seconds, p50_ms, p99_ms, events, late_p50_ms, late_p99_ms. The idle ones
 * print it when all are open. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN = 1 << 18, TAIL = 4096, MOST = 32768, SAMPLES = 1 << 22 };

struct conn {
	int fd;
	char *in;
	size_t n, scanned;
	int64_t began;
	char previous[64];
	long turn;
	bool ok, chunked; /* once the head is there */
	bool joined;      /* the WebSocket is open */
};

static struct conn conns[MOST];
static const char *mode, *arg = "";
static int port;
static long left, done, errors, events, chain_length;
static float *took, *late;
static long n_took, n_late;

static int64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static bool is(const char *what)
{
	return !strcmp(mode, what);
}

static bool idle(void)
{
	return !strncmp(mode, "idle-", 5);
}

static bool over_socket(void)
{
	return is("ws") || is("idle-ws");
}

static bool streams(void)
{
	return is("stream") || is("back") || is("idle-sse");
}

static bool proxied(void)
{
	return is("proxy") || is("idle-proxy");
}

static void send_all(struct conn *c, const char *out, int n)
{
	if (write(c->fd, out, (size_t)n) != n)
		errors++;
}

static void join_socket(struct conn *c)
{
	static const char ask[] = "GET /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\nConnection: Upgrade\r\n"
	                          "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
	c->n = 0;
	c->began = now_us();
	send_all(c, ask, sizeof ask - 1);
}

/* One masked text (with the mask 0). */
static void send_text(struct conn *c)
{
	char out[1024];
	int n = snprintf(out + 6, sizeof out - 6, "{\"type\":\"response.create\",\"model\":\"bench\",\"input\":\"Tell me something that "
	                 "is about as long as a usual question of a user.\"}");
	if (left <= 0)
		return;
	left--;
	memcpy(out, (char[]){(char)0x81, (char)(0x80 | n), 0, 0, 0, 0}, 6); /* n < 126 */
	c->began = now_us();
	send_all(c, out, n + 6);
}

static void send_one(struct conn *c)
{
	char body[1024], out[2048];
	int n, b = 0;
	if (left <= 0)
		return;
	left--;
	if (!strcmp(mode, "get")) {
		n = snprintf(out, sizeof out, "GET /v1/responses/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\n\r\n", arg);
	} else {
		if (proxied())
			b = snprintf(body, sizeof body, "{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":\"Tell me something that "
			             "is about as long as a usual question of a user.\"}],\"stream\":true}");
		else
			b = snprintf(body, sizeof body, "{\"model\":\"bench\",\"input\":\"Tell me something that is about as long as a usual "
			             "question of a user.\"%s%s%s%s%s%s}",
			             is("talk") ? ",\"conversation\":\"" : c->previous[0] ? ",\"previous_response_id\":\"" : "",
			             is("talk") ? arg : c->previous, is("talk") || c->previous[0] ? "\"" : "",
			             streams() ? ",\"stream\":true" : "", is("back") ? ",\"background\":true" : "",
			             is("search") ? ",\"tools\":[{\"type\":\"web_search\"}]" : "");
		n = snprintf(out, sizeof out,
		             "POST /v1/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\n"
		             "Content-Length: %d\r\n\r\n%s",
		             proxied() ? "chat/completions" : "responses", b, body);
	}
	c->n = c->scanned = 0;
	c->ok = c->chunked = false;
	c->began = now_us();
	send_all(c, out, n);
}

static void note_late(struct conn *c)
{
	/* "delta":"1234567 " in what is new ("content" in a proxied chunk); the engine writes its clock as text */
	const char *before = proxied() ? "\"content\":\"" : "\"delta\":\"";
	size_t n_before = strlen(before);
	char *p = c->in + c->scanned, *end = c->in + c->n;
	int64_t now = now_us();
	while ((p = memmem(p, (size_t)(end - p), before, n_before))) {
		char *q = memchr(p, '\n', (size_t)(end - p));
		if (!q)
			break;
		int64_t sent = strtoll(p + n_before, NULL, 10);
		events++;
		if (sent > 1000 && n_late < SAMPLES)
			late[n_late++] = (float)(now - sent) / 1000;
		p = q;
		c->scanned = (size_t)(q - c->in);
	}
}

/* Is the answer at c->in whole? */
static bool whole(struct conn *c)
{
	char *end = memmem(c->in, c->n, "\r\n\r\n", 4);
	if (!end)
		return false;
	size_t head = (size_t)(end - c->in) + 4;
	c->ok = !memcmp(c->in + 9, "200", 3);
	char *cl = memmem(c->in, head, "ontent-Length:", 14);
	if (!cl)
		cl = memmem(c->in, head, "ontent-length:", 14);
	if (cl)
		return c->n >= head + strtoul(cl + 14, NULL, 10);
	c->chunked = true;
	return false;
}

/* The end of a stream, however long: what was looked at is dropped. */
static bool stream_over(struct conn *c)
{
	bool over = c->n >= 5 && !memcmp(c->in + c->n - 5, "0\r\n\r\n", 5);
	if (!over && c->n > IN / 2) {
		memmove(c->in, c->in + c->n - TAIL, TAIL);
		c->scanned = c->scanned > c->n - TAIL ? c->scanned - (c->n - TAIL) : 0;
		c->n = TAIL;
	}
	return over;
}

/* Has the answer over the WebSocket come? Takes whole frames away. */
static bool told(struct conn *c)
{
	bool over = false;
	while (c->n >= 4 && !over) {
		const unsigned char *p = (const unsigned char *)c->in;
		size_t lead = p[1] == 126 ? 4 : p[1] == 127 ? 10 : 2, n = p[1] == 126 ? (size_t)p[2] << 8 | p[3] : p[1];
		if (p[1] == 127)
			n = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
		if (c->n < lead + n)
			break;
		events++;
		c->ok = memmem(p + lead, n, "\"response.completed\"", 20) != NULL;
		over = c->ok || memmem(p + lead, n, "\"type\":\"error\"", 14) != NULL;
		memmove(c->in, c->in + lead + n, c->n - lead - n);
		c->n -= lead + n;
	}
	return over;
}

static void finished(struct conn *c)
{
	if (!c->ok)
		errors++;
	if (n_took < SAMPLES)
		took[n_took++] = (float)(now_us() - c->began) / 1000;
	done++;
	if (!strcmp(mode, "chain")) {
		char *id = memmem(c->in, c->n, "\"id\":\"resp_", 11);
		c->previous[0] = 0;
		if (id && ++c->turn % chain_length)
			snprintf(c->previous, sizeof c->previous, "%.45s", id + 6);
	}
	if (is("ws"))
		send_text(c);
	else if (!idle())
		send_one(c);
}

/* What came: is a request over by it? */
static bool came(struct conn *c)
{
	if (over_socket() && !c->joined) {
		char *end = memmem(c->in, c->n, "\r\n\r\n", 4);
		if (!end)
			return false;
		c->joined = c->ok = !memcmp(c->in + 9, "101", 3);
		memmove(c->in, end + 4, c->n - (size_t)(end + 4 - c->in));
		c->n -= (size_t)(end + 4 - c->in);
		if (is("ws"))
			send_text(c);
		return is("idle-ws");
	}
	if (over_socket())
		return told(c) && is("ws");
	if (streams() || is("proxy"))
		note_late(c);
	if (is("idle-sse") || is("idle-proxy"))
		return whole(c) || (!c->joined && memmem(c->in, c->n, "\"delta\":", 8) && (c->joined = true));
	return c->chunked ? stream_over(c) : whole(c) || (c->chunked && stream_over(c));
}

static void open_conn(struct conn *c, int ep, long i)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int one = 1;
	/* One address has ports for 28,000 connections to a server. */
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK + (uint32_t)(i / 20000))}};
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	/* The port is chosen by connect(), which knows the other end: those of an earlier round, still waiting for theirs, do not count. */
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	bind(c->fd, (struct sockaddr *)&from, sizeof from);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a)) {
		perror("connect");
		exit(1);
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (!c->in)
		c->in = malloc(IN);
	epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN, .data.u64 = (uint64_t)i});
	if (over_socket())
		join_socket(c);
	else
		send_one(c);
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? -1 : x > y;
}

static float percentile(float *v, long n, double p)
{
	return n ? v[(long)((double)(n - 1) * p)] : 0;
}

static void report(double seconds)
{
	qsort(took, (size_t)n_took, sizeof *took, by_size);
	qsort(late, (size_t)n_late, sizeof *late, by_size);
	printf("{\"requests\":%ld,\"errors\":%ld,\"seconds\":%.3f,\"per_second\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"events\":%ld,"
	       "\"late_p50_ms\":%.3f,\"late_p99_ms\":%.3f}\n",
	       done, errors, seconds, (double)done / seconds, percentile(took, n_took, 0.5), percentile(took, n_took, 0.99), events,
	       percentile(late, n_late, 0.5), percentile(late, n_late, 0.99));
	fflush(stdout);
}

static int64_t cpu_us(clockid_t clock)
{
	struct timespec ts = {0};
	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Asks for next to nothing, again and again: what one answer took longer than the others, the loop was held. */
static void beat(void)
{
	clockid_t server = CLOCK_PROCESS_CPUTIME_ID;
	int64_t most_us = 0;
	static const char ask[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	char in[4096];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int64_t began = now_us();
	if (connect(fd, (struct sockaddr *)&a, sizeof a) || (*arg && clock_getcpuclockid(atoi(arg), &server))) {
		perror("bench-load: beat");
		exit(1);
	}
	for (struct pollfd end = {.fd = 0, .events = POLLIN}; poll(&end, 1, 1) == 0;) {
		int64_t asked = now_us(), worked = cpu_us(server);
		if (write(fd, ask, sizeof ask - 1) < 0 || read(fd, in, sizeof in) <= 0) {
			errors++;
			break;
		}
		worked = cpu_us(server) - worked;
		most_us = worked > most_us ? worked : most_us;
		done++;
		if (n_took < SAMPLES)
			took[n_took++] = (float)(now_us() - asked) / 1000;
	}
	qsort(took, (size_t)n_took, sizeof *took, by_size);
	printf("{\"requests\":%ld,\"errors\":%ld,\"seconds\":%.3f,\"p50_ms\":%.3f,\"most_ms\":%.3f,\"most_cpu_ms\":%.3f}\n", done,
	       errors, (double)(now_us() - began) / 1e6, percentile(took, n_took, 0.5), percentile(took, n_took, 1), (double)most_us / 1e3);
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: bench-load MODE PORT CONNECTIONS COUNT [ARG]\n");
		return 2;
	}
	mode = argv[1];
	port = atoi(argv[2]);
	long n_conns = atol(argv[3]), total = left = atol(argv[4]);
	arg = argc > 5 ? argv[5] : "";
	chain_length = *arg ? atol(arg) : 40;
	if (n_conns > MOST)
		n_conns = MOST;
	took = malloc(SAMPLES * sizeof *took);
	late = malloc(SAMPLES * sizeof *late);
	signal(SIGPIPE, SIG_IGN);
	if (is("beat")) {
		beat();
		return 0;
	}
	int ep = epoll_create1(0);
	int64_t began = now_us();
	for (long i = 0; i < n_conns; i++)
		open_conn(&conns[i], ep, i);
	while (done < total) {
		struct epoll_event ev[256];
		int n = epoll_wait(ep, ev, 256, 60000);
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++) {
			struct conn *c = &conns[ev[i].data.u64];
			ssize_t got = read(c->fd, c->in + c->n, IN - c->n);
			if (got <= 0) {
				errors++;
				done++;
				close(c->fd);
				c->joined = false;
				open_conn(c, ep, (long)ev[i].data.u64);
				continue;
			}
			c->n += (size_t)got;
			if (came(c))
				finished(c);
		}
	}
	report((double)(now_us() - began) / 1e6);
	while (idle() && getchar() != EOF)
		;
	return 0;
}
