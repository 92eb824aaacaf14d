/* reach.c - the way to a host. */
#include "egress/reach.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/names.h"

enum { TICK_MS = 100 };

static bool reach_port_open(int64_t port)
{
	static const int64_t usual[] = {80, 443};
	const int64_t *list = egress_options.n_ports ? egress_options.ports : usual;
	size_t n = egress_options.n_ports ? egress_options.n_ports : sizeof usual / sizeof *usual;
	for (size_t i = 0; i < n; i++)
		if (list[i] == port)
			return true;
	return false;
}

/* The operator's list may have become shorter since the container was made. */
enum refusal reach_refuses(const struct egress_policy *p, const struct ask *a)
{
	struct str host = str_of(a->host);
	if (!host_in(&p->domains, host) || !host_in(&egress_options.domains, host))
		return REFUSAL_NOT_ALLOWED;
	if (!reach_port_open(a->port))
		return REFUSAL_PORT;
	if (!a->tunnel && !egress_limits.plain_secrets && secret_of(p->secrets, p->n_secrets, host))
		return REFUSAL_PLAIN_SECRET;
	return REFUSAL_NONE;
}

static bool reach_wait(int fd, int64_t until_us, const _Atomic bool *cut)
{
	while (clock_mono_us() < until_us && !atomic_load(cut)) {
		struct pollfd on = {.fd = fd, .events = POLLOUT};
		int error = 0;
		socklen_t n = sizeof error;
		if (poll(&on, 1, TICK_MS) > 0)
			return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0;
	}
	return false;
}

static int reach_address(const struct sockaddr *at, int64_t until_us, const _Atomic bool *cut)
{
	int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = at->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (fd < 0)
		return -1;
	if (connect(fd, at, n) == 0 || (errno == EINPROGRESS && reach_wait(fd, until_us, cut)))
		return fd;
	close(fd);
	return -1;
}

int reach_connect(const struct ask *a, const _Atomic bool *cut, enum refusal *why)
{
	struct addresses found;
	char port[8];
	int fd = -1;
	snprintf(port, sizeof port, "%lld", (long long)a->port);
	*why = REFUSAL_UNKNOWN;
	if (names_look(a->host, port, &found))
		return -1;
	int64_t until = clock_mono_us() + egress_limits.connect_ms * 1000;
	*why = REFUSAL_PRIVATE;
	for (size_t i = 0; i < found.n && fd < 0; i++) {
		const struct sockaddr *at = (const struct sockaddr *)&found.at[i];
		if (!guard_refuses(&egress_options.guard, at)) {
			*why = REFUSAL_SILENT;
			fd = reach_address(at, until, cut);
		}
	}
	return fd;
}
