/* engine.c - an engine that costs (nearly) nothing, for benchmarks only.
 *
 *   bench-engine PORT|unix:PATH [TOKENS [PER_SECOND]]
 *
 * With PER_SECOND -1 the chunks come at once and the end never does.
 * Speaks just enough HTTP and Chat Completions to be an upstream: every POST is answered with TOKENS chunks,
 * all in one write, or PER_SECOND of them a second with the sending time (microseconds) as their text, so
 * that a reader can tell how long they were under way. A POST that offers web_search is answered with two calls of it, one
 * after the other, before the text; GET /search is a search provider's answer. One that demands a call of the function t gets
 * it. One whose text has LARGE_TEXT, LARGE_CALL, LARGE_PROGRAM or LARGE_JSON gets as much in one piece as an answer may have: a chunk of text,
 * a chunk of a call's arguments, an object that is no stream. One thread, epoll. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNS = 65536, IN_FIRST = 4096, IN = 64 << 20 };

struct conn {
	char *in;
	size_t n, cap;
	int left; /* tokens still to send */
	int64_t next_us;
};

static struct conn conns[CONNS];
static int tokens = 5, per_second, top;
static char whole[4 << 20]; /* 10,000 tokens and more */
static size_t whole_n;

static int64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static size_t chunk(char *out, size_t room, const char *text, bool last)
{
	char data[512];
	int n = last ? snprintf(data, sizeof data,
	                        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","
	                        "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	                        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","
	                        "\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n"
	                        "data: [DONE]\n\n",
	                        tokens, 20 + tokens)
	             : snprintf(data, sizeof data,
	                        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","
	                        "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":null}]}\n\n",
	                        text);
	return (size_t)snprintf(out, room, "%x\r\n%s\r\n%s", (unsigned)n, data, last ? "0\r\n\r\n" : "");
}

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

static void make_whole(void)
{
	whole_n = (size_t)snprintf(whole, sizeof whole, "%s", head);
	for (int i = 0; i < tokens && whole_n < sizeof whole - 2048; i++)
		whole_n += chunk(whole + whole_n, sizeof whole - whole_n, "Hello ", false);
	if (per_second >= 0)
		whole_n += chunk(whole + whole_n, sizeof whole - whole_n, "", true);
}

static void put(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EAGAIN)
			continue;
		if (w <= 0)
			return;
		p += w;
		n -= (size_t)w;
	}
}

static void drop(int fd)
{
	close(fd);
	conns[fd].n = 0;
	conns[fd].left = 0;
}

/* A call of web_search, as an engine streams it. */
static void put_call(int fd, int n)
{
	char data[1024], out[1400];
	int len = snprintf(data, sizeof data,
	                   "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,"
	                   "\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_%d\",\"type\":\"function\",\"function\":{\"name\":\"web_search\","
	                   "\"arguments\":\"{\\\"query\\\":\\\"news %d\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n", n, n);
	put(fd, out, (size_t)snprintf(out, sizeof out, "%s%x\r\n%s\r\n0\r\n\r\n", head, (unsigned)len, data));
}

/* What a request asks for by name; NULL: nothing. */
static const char *named(const char *body, size_t n, const char *const *names)
{
	for (; *names; names++)
		if (memmem(body, n, *names, strlen(*names)))
			return *names;
	return NULL;
}

static void put_answer(int fd, const char *kind, const char *body, int n)
{
	char lead[256];
	put(fd, lead, (size_t)snprintf(lead, sizeof lead, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", kind, n));
	put(fd, body, (size_t)n);
}

/* A call of the function t, whose argument `input` is written as grammars and schemas of the inputs want it. */
static void put_demanded(int fd)
{
	static const char data[] =
	    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,"
	    "\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"t\","
	    "\"arguments\":\"{\\\"input\\\":\\\"word1a\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
	put_answer(fd, "text/event-stream", data, (int)sizeof data - 1);
}

/* As much in one piece as an answer may have: `which` is what comes before it. */
static void put_large(int fd, const char *which)
{
	enum { LARGE = 1000000, ROOM = 4096 };
	static const struct large {
		const char *which, *kind, *before, *after;
	} larges[] = {
	    {"LARGE_TEXT", "text/event-stream", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
	     "\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"},
	    {"LARGE_CALL", "text/event-stream",
	     "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"t\","
	     "\"arguments\":\"{\\\"input\\\":\\\"",
	     "\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"},
	    {"LARGE_PROGRAM", "text/event-stream",
	     "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"program\","
	     "\"arguments\":\"{\\\"code\\\":\\\"text(1);//",
	     "\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"},
	    {"LARGE_JSON", "application/json", "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"",
	     "\"},\"finish_reason\":\"stop\"}]}"},
	};
	static char out[LARGE + ROOM];
	const struct large *l = larges;
	while (strcmp(l->which, which))
		l++;
	size_t before = strlen(l->before), after = strlen(l->after);
	memcpy(out, l->before, before);
	memset(out + before, 'x', LARGE);
	memcpy(out + before + LARGE, l->after, after);
	put_answer(fd, l->kind, out, (int)(before + LARGE + after));
}

/* The number of the call that comes next in this request; 0: the text. */
static int next_call(const char *body, size_t n)
{
	static const char offered[] = "\"name\":\"web_search\"", result[] = "\"role\":\"tool\"";
	int told = 0;
	if (!memmem(body, n, offered, sizeof offered - 1))
		return 0;
	for (const char *p = body; (p = memmem(p, n - (size_t)(p - body), result, sizeof result - 1)); p++)
		told++;
	return told < 2 ? told + 1 : 0;
}

static void get(int fd, bool models, bool search)
{
	static const char found[] = "{\"query\":\"q\",\"results\":[{\"url\":\"https://one.example/a\",\"title\":\"One\",\"content\":\"A text about one "
	                            "thing.\"},{\"url\":\"https://two.example/b\",\"title\":\"Two\",\"content\":\"A text about another.\"}]}";
	char out[1024];
	const char *body = search ? found : models ? "{\"object\":\"list\",\"data\":[{\"id\":\"bench\",\"object\":\"model\",\"created\":1,\"owned_by\":\"bench\"}]}"
	                          : "{\"status\":\"ok\"}";
	put(fd, out, (size_t)snprintf(out, sizeof out, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	                              "200 OK", strlen(body), body));
}

/* One request at the front of the buffer; false when it is not whole yet. */
static bool serve(int fd, struct conn *c)
{
	char *end = memmem(c->in, c->n, "\r\n\r\n", 4);
	if (!end)
		return false;
	size_t length = 0, whole_head = (size_t)(end - c->in) + 4;
	for (char *p = c->in; p < end; p++)
		if (*p == '\n' && !strncasecmp(p + 1, "content-length:", 15))
			length = strtoul(p + 16, NULL, 10);
	if (c->n < whole_head + length)
		return false;
	bool post = c->in[0] == 'P', models = memmem(c->in, whole_head, "/models", 7) != NULL;
	bool search = memmem(c->in, whole_head, " /search", 8) != NULL;
	static const char *const larges[] = {"LARGE_TEXT", "LARGE_CALL", "LARGE_PROGRAM", "LARGE_JSON", NULL};
	static const char *const demands[] = {"\"tool_choice\":\"required\"", "\"tool_choice\":{", NULL}, *const told[] = {"\"role\":\"tool\"", NULL};
	int call = post ? next_call(c->in + whole_head, length) : 0;
	const char *large = post && !named(c->in + whole_head, length, told) ? named(c->in + whole_head, length, larges) : NULL;
	bool demanded = post && named(c->in + whole_head, length, demands);
	memmove(c->in, c->in + whole_head + length, c->n - whole_head - length);
	c->n -= whole_head + length;
	if (!post) {
		get(fd, models, search);
	} else if (large) {
		put_large(fd, large);
	} else if (demanded) {
		put_demanded(fd);
	} else if (call) {
		put_call(fd, call);
	} else if (per_second <= 0) {
		put(fd, whole, whole_n);
	} else {
		put(fd, head, sizeof head - 1);
		c->left = tokens;
		c->next_us = now_us() + rand() % (1000000 / per_second);
	}
	return true;
}

static void readable(int fd)
{
	struct conn *c = &conns[fd];
	if (c->n == c->cap && c->cap < IN) {
		c->cap = c->cap ? c->cap * 2 : IN_FIRST;
		c->in = realloc(c->in, c->cap);
	}
	ssize_t n = read(fd, c->in + c->n, c->cap - c->n);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			drop(fd);
		return;
	}
	c->n += (size_t)n;
	while (serve(fd, c))
		;
}

static void tick(void)
{
	char out[2048], text[32];
	int64_t now = now_us();
	for (int fd = 0; fd <= top; fd++) {
		struct conn *c = &conns[fd];
		if (!c->left || c->next_us > now)
			continue;
		snprintf(text, sizeof text, "%lld ", (long long)now_us());
		size_t n = chunk(out, sizeof out, text, false);
		c->next_us += 1000000 / per_second;
		if (--c->left == 0)
			n += chunk(out + n, sizeof out - n, "", true);
		put(fd, out, n);
	}
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "9000";
	bool is_unix = !strncmp(where, "unix:", 5); /* one address has ports for 28,000 connections only */
	int one = 1;
	tokens = argc > 2 ? atoi(argv[2]) : 5;
	per_second = argc > 3 ? atoi(argv[3]) : 0;
	signal(SIGPIPE, SIG_IGN);
	make_whole();
	int ep = epoll_create1(0), ls = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), tf = -1;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(where)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	if (is_unix)
		snprintf(u.sun_path, sizeof u.sun_path, "%s", where + 5);
	setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(ls, is_unix ? (struct sockaddr *)&u : (struct sockaddr *)&a, is_unix ? sizeof u : sizeof a) || listen(ls, 4096)) {
		perror("bench-engine");
		return 1;
	}
	epoll_ctl(ep, EPOLL_CTL_ADD, ls, &(struct epoll_event){.events = EPOLLIN, .data.fd = ls});
	if (per_second > 0) {
		struct itimerspec every = {{0, 1000000}, {0, 1000000}};
		tf = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
		timerfd_settime(tf, 0, &every, NULL);
		epoll_ctl(ep, EPOLL_CTL_ADD, tf, &(struct epoll_event){.events = EPOLLIN, .data.fd = tf});
	}
	for (;;) {
		struct epoll_event ev[256];
		int n = epoll_wait(ep, ev, 256, -1);
		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd;
			if (fd == tf) {
				uint64_t times;
				if (read(tf, &times, sizeof times) > 0)
					tick();
			} else if (fd == ls) {
				int got;
				while ((got = accept4(ls, NULL, NULL, SOCK_NONBLOCK)) >= 0 && got < CONNS) {
					setsockopt(got, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
					conns[got].n = 0;
					conns[got].left = 0;
					top = got > top ? got : top;
					epoll_ctl(ep, EPOLL_CTL_ADD, got, &(struct epoll_event){.events = EPOLLIN, .data.fd = got});
				}
			} else {
				readable(fd);
			}
		}
	}
}
