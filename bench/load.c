/* load.c - one client machine in one thread, for benchmarks only.
 *
 *   bench-load MODE PORT CONNECTIONS COUNT [ARG]
 *
 * turn     POST /v1/responses, not streamed; COUNT requests over CONNECTIONS kept-alive connections
 * chain    the same, each continuing the one before on its connection (ARG: turns before it starts anew)
 * get      GET /v1/responses/ARG
 * stream   COUNT streams, CONNECTIONS at once; counts events and how late they are (text = sending time)
 * proxy    POST /v1/chat/completions to a proxy in front of the engine
 *
 * Prints one line of JSON: requests, errors, seconds, p50_ms, p99_ms, events, late_p50_ms, late_p99_ms. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
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

enum { IN = 1 << 20, MOST = 4096, SAMPLES = 1 << 22 };

struct conn {
	int fd;
	char *in;
	size_t n, scanned;
	int64_t began;
	char previous[64];
	long turn;
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
		if (!strcmp(mode, "proxy"))
			b = snprintf(body, sizeof body, "{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":\"Tell me something that "
			             "is about as long as a usual question of a user.\"}],\"stream\":true}");
		else
			b = snprintf(body, sizeof body, "{\"model\":\"bench\",\"input\":\"Tell me something that is about as long as a usual "
			             "question of a user.\"%s%s%s%s}",
			             c->previous[0] ? ",\"previous_response_id\":\"" : "", c->previous, c->previous[0] ? "\"" : "",
			             !strcmp(mode, "stream") ? ",\"stream\":true" : "");
		n = snprintf(out, sizeof out,
		             "POST /v1/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\n"
		             "Content-Length: %d\r\n\r\n%s",
		             !strcmp(mode, "proxy") ? "chat/completions" : "responses", b, body);
	}
	c->n = c->scanned = 0;
	c->began = now_us();
	if (write(c->fd, out, (size_t)n) != n)
		errors++;
}

static void note_late(struct conn *c)
{
	/* "delta":"1234567 " in what is new; the engine writes its clock as text */
	char *p = c->in + c->scanned, *end = c->in + c->n;
	int64_t now = now_us();
	while ((p = memmem(p, (size_t)(end - p), "\"delta\":\"", 9))) {
		char *q = memchr(p, '\n', (size_t)(end - p));
		if (!q)
			break;
		int64_t sent = strtoll(p + 9, NULL, 10);
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
	char *cl = memmem(c->in, head, "ontent-Length:", 14);
	if (!cl)
		cl = memmem(c->in, head, "ontent-length:", 14);
	if (cl)
		return c->n >= head + strtoul(cl + 14, NULL, 10);
	return c->n >= 5 && !memcmp(c->in + c->n - 5, "0\r\n\r\n", 5);
}

static void finished(struct conn *c)
{
	if (memcmp(c->in + 9, "200", 3))
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
	send_one(c);
}

static void open_conn(struct conn *c, int ep, long i)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int one = 1;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a)) {
		perror("connect");
		exit(1);
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (!c->in)
		c->in = malloc(IN);
	epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN, .data.u64 = (uint64_t)i});
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
				open_conn(c, ep, (long)ev[i].data.u64);
				continue;
			}
			c->n += (size_t)got;
			if (!strcmp(mode, "stream"))
				note_late(c);
			if (whole(c))
				finished(c);
		}
	}
	double seconds = (double)(now_us() - began) / 1e6;
	qsort(took, (size_t)n_took, sizeof *took, by_size);
	qsort(late, (size_t)n_late, sizeof *late, by_size);
	printf("{\"requests\":%ld,\"errors\":%ld,\"seconds\":%.3f,\"per_second\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"events\":%ld,"
	       "\"late_p50_ms\":%.3f,\"late_p99_ms\":%.3f}\n",
	       done, errors, seconds, (double)done / seconds, percentile(took, n_took, 0.5), percentile(took, n_took, 0.99), events,
	       percentile(late, n_late, 0.5), percentile(late, n_late, 0.99));
	return 0;
}
