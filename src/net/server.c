/* server.c - listeners and the books of connections.
 *
 * We accept by ourselves (uv_poll), because libuv answers "out of file descriptors" by accepting and
 * closing whoever waits; here they wait in the kernel's queue while a timer runs. */
#include "net/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "net/listen.h"
#include "net/peer.h"

enum {
	ACCEPT_MOST = 64, /* connections taken in one turn of the loop */
	BACK_OFF_MS = 100,
};

struct listener {
	uv_poll_t poll;
	struct server *server;
	struct listener *next;
	struct timer back_off;
	struct ssl_ctx_st *tls;
	int fd;
	bool is_unix, owner;
	bool owns_path;
	char path[128]; /* "unix:PATH", to remove */
};

struct server {
	struct loop *loop;
	struct service *service;
	struct listener *listeners;
	struct peer *peers;
	size_t n_peers;
	bool draining;
};

/* All servers of the process share the limit. */
static _Atomic size_t connections;

struct loop *server_loop(const struct server *s)
{
	return s->loop;
}

struct service *server_service(const struct server *s)
{
	return s->service;
}

bool server_draining(const struct server *s)
{
	return s->draining;
}

void server_add(struct server *s, struct peer *p)
{
	p->prev = NULL;
	p->next = s->peers;
	if (s->peers)
		s->peers->prev = p;
	s->peers = p;
	s->n_peers++;
	atomic_fetch_add(&connections, 1);
}

void server_remove(struct server *s, struct peer *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		s->peers = p->next;
	if (p->next)
		p->next->prev = p->prev;
	s->n_peers--;
	atomic_fetch_sub(&connections, 1);
}

size_t server_busy(const struct server *s)
{
	return s->n_peers;
}

/* --- accepting --- */

static void on_readable(uv_poll_t *poll, int status, int what);

static void on_back_off(struct timer *t)
{
	struct listener *li = OWNER(t, struct listener, back_off);
	uv_poll_start(&li->poll, UV_READABLE, on_readable);
}

static void back_off(struct listener *li)
{
	static _Thread_local int64_t warned_ms;
	int64_t now = loop_now_ms(li->server->loop);
	if (now - warned_ms > 10000 || warned_ms == 0)
		log_at(LOG_WARN, "cannot accept", "why=\"%s\"", strerror(errno));
	warned_ms = now;
	uv_poll_stop(&li->poll);
	timer_start(li->server->loop, &li->back_off, BACK_OFF_MS, on_back_off);
}

/* Fills in the peer's address. */
static void name_peer(const struct sockaddr_storage *at, char *out, size_t size, bool *loopback)
{
	out[0] = '\0';
	if (at->ss_family == AF_INET) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)at;
		inet_ntop(AF_INET, &a->sin_addr, out, (socklen_t)size);
		*loopback = (ntohl(a->sin_addr.s_addr) >> 24) == 127;
	} else if (at->ss_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)at)->sin6_addr;
		inet_ntop(AF_INET6, a, out, (socklen_t)size);
		*loopback = IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
	}
}

/* false: no more for now. */
static bool accept_one(struct listener *li)
{
	struct sockaddr_storage at = {0};
	socklen_t n = sizeof at;
	int fd = accept4(li->fd, (struct sockaddr *)&at, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			back_off(li);
		/* Other errors concern that one connection (it was reset while it waited). */
		return errno == EINTR || errno == ECONNABORTED || errno == EPROTO;
	}
	size_t most = (size_t)net_limits.connections, open = atomic_load(&connections);
	if (open >= most + most / 8 + 8) { /* even the refusals are too many */
		close(fd);
		return true;
	}
	char address[INET6_ADDRSTRLEN] = "unix";
	struct peer_options o = {.is_unix = li->is_unix, .loopback = li->is_unix, .owner = li->owner, .full = open >= most, .tls = li->tls};
	if (!li->is_unix)
		name_peer(&at, address, sizeof address, &o.loopback);
	o.address = address;
	peer_start(li->server, fd, &o);
	return true;
}

static void on_readable(uv_poll_t *poll, int status, int what)
{
	struct listener *li = OWNER(poll, struct listener, poll);
	for (int i = 0; i < ACCEPT_MOST && accept_one(li); i++)
		;
}

/* --- listeners --- */

struct server *server_new(struct loop *l, struct service *service)
{
	struct server *s = xalloc(sizeof *s);
	s->loop = l;
	s->service = service;
	return s;
}

bool server_listen(struct server *s, const struct listen_options *o, int *port, struct err *e)
{
	bool is_unix;
	int fd = listen_open(o, &is_unix, port, e);
	if (fd < 0)
		return false;
	struct listener *li = xalloc(sizeof *li);
	*li = (struct listener){.server = s, .tls = o->tls, .fd = fd, .is_unix = is_unix, .owner = o->owner, .owns_path = is_unix};
	if (is_unix)
		memcpy(li->path, o->host.p, o->host.n);
	int bad = uv_poll_init(loop_uv(s->loop), &li->poll, fd);
	if (bad) {
		close(fd);
		xfree(li);
		return fail(e, ERR_CONFIG, NULL, "cannot listen: %s", uv_strerror(bad));
	}
	li->next = s->listeners;
	s->listeners = li;
	uv_poll_start(&li->poll, UV_READABLE, on_readable);
	return true;
}

static void on_listener_closed(uv_handle_t *h)
{
	xfree(OWNER(h, struct listener, poll));
}

static void close_listeners(struct server *s)
{
	while (s->listeners) {
		struct listener *li = s->listeners;
		s->listeners = li->next;
		timer_cancel(&li->back_off);
		if (li->owns_path)
			listen_forget(str_of(li->path));
		uv_poll_stop(&li->poll);
		close(li->fd);
		uv_close((uv_handle_t *)&li->poll, on_listener_closed);
	}
}

void server_drain(struct server *s)
{
	s->draining = true;
	close_listeners(s);
	for (struct peer *p = s->peers, *next; p; p = next) {
		next = p->next;
		peer_close_idle(p);
	}
}

void server_free(struct server *s)
{
	if (!s)
		return;
	close_listeners(s);
	/* gone() of one peer never frees another: that waits for the loop. */
	while (s->peers) {
		struct peer *p = s->peers;
		server_remove(s, p);
		p->server = NULL;
		peer_close(p);
	}
	xfree(s);
}
