/* listen.c - listening sockets. */
#include "net/listen.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

enum { BACKLOG = 1024, TCP_LISTENING = 0x0A };

/* --- who holds a port --- */

/* The inode of the socket that listens on `port`, from one of /proc/net/tcp, tcp6. */
static uint64_t inode_of(const char *table, int port)
{
	FILE *f = fopen(table, "re");
	char line[512];
	uint64_t found = 0;
	while (f && !found && fgets(line, sizeof line, f)) {
		unsigned local, state;
		uint64_t inode;
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %" SCNu64, &local,
			   &state, &inode) == 3 &&
		    (int)local == port && state == TCP_LISTENING)
			found = inode;
	}
	if (f)
		fclose(f);
	return found;
}

static bool process_has(const char *pid, uint64_t inode)
{
	char path[300], link[64], want[64];
	snprintf(want, sizeof want, "socket:[%" PRIu64 "]", inode);
	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	DIR *d = opendir(path);
	bool has = false;
	for (struct dirent *f; d && !has && (f = readdir(d));) {
		char fd_path[600];
		snprintf(fd_path, sizeof fd_path, "%s/%s", path, f->d_name);
		ssize_t n = readlink(fd_path, link, sizeof link - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		has = strcmp(link, want) == 0;
	}
	if (d)
		closedir(d);
	return has;
}

/* " by NAME (pid N)", or "" when it cannot be found (another user's, usually). */
static void name_owner(char *out, size_t size, int port)
{
	uint64_t inode = inode_of("/proc/net/tcp", port);
	if (!inode)
		inode = inode_of("/proc/net/tcp6", port);
	out[0] = '\0';
	DIR *d = inode ? opendir("/proc") : NULL;
	for (struct dirent *p; d && (p = readdir(d));) {
		if (p->d_name[0] < '1' || p->d_name[0] > '9' || !process_has(p->d_name, inode))
			continue;
		char path[300], name[64] = "";
		snprintf(path, sizeof path, "/proc/%s/comm", p->d_name);
		FILE *f = fopen(path, "re");
		if (f && fgets(name, sizeof name, f))
			name[strcspn(name, "\n")] = '\0';
		if (f)
			fclose(f);
		snprintf(out, size, " by %s (pid %s)", name[0] ? name : "a process", p->d_name);
		break;
	}
	if (d)
		closedir(d);
}

/* --- sockets --- */

static bool fail_errno(struct err *e, const struct listen_options *o, int why)
{
	char owner[512] = "";
	if (why == EADDRINUSE) {
		name_owner(owner, sizeof owner, o->port);
		return fail(e, ERR_CONFIG, NULL, "port %d on %.*s is already taken%s; stop that, or take another: --listen HOST:PORT",
		            o->port, FMT(o->host), owner);
	}
	return fail(e, ERR_CONFIG, NULL, "cannot listen on %.*s port %d: %s", FMT(o->host), o->port, strerror(why));
}

static int tcp_socket(const struct addrinfo *a, bool any6, bool share)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, only6 = !any6;
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6);
	if (share)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* All sockets of a group that shares a port need SO_REUSEPORT, and with it a bind succeeds although another
 * server of this user has the port: so it is first taken without. */
static int tcp_open_at(const struct addrinfo *a, const struct listen_options *o)
{
	bool any6 = str_eq(o->host, S("::"));
	if (!o->share && o->port) {
		int probe = tcp_socket(a, any6, false);
		if (probe < 0)
			return -1;
		close(probe);
	}
	return tcp_socket(a, any6, true);
}

static int tcp_open(const struct listen_options *o, int *port, struct err *e)
{
	char host[256], service[16];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list;
	if (o->port < 0 || o->port > 65535)
		return fail(e, ERR_CONFIG, NULL, "port %d is not between 0 and 65535", o->port), -1;
	snprintf(host, sizeof host, "%.*s", FMT(o->host));
	snprintf(service, sizeof service, "%d", o->port);
	int bad = getaddrinfo(host, service, &hints, &list);
	if (bad)
		return fail(e, ERR_CONFIG, NULL, "cannot listen on %s: %s", host, gai_strerror(bad)), -1;
	int fd = tcp_open_at(list, o);
	if (fd < 0)
		fail_errno(e, o, errno);
	freeaddrinfo(list);
	struct sockaddr_storage at;
	socklen_t n = sizeof at;
	if (fd >= 0 && port && getsockname(fd, (struct sockaddr *)&at, &n) == 0)
		*port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
						       : ((struct sockaddr_in *)&at)->sin_port);
	return fd;
}

static bool unix_path(struct str host, struct sockaddr_un *ret)
{
	if (!str_starts(host, S("unix:")) || host.n - 5 >= sizeof ret->sun_path || host.n == 5)
		return false;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, host.p + 5, host.n - 5);
	return true;
}

void listen_forget(struct str host)
{
	struct sockaddr_un at;
	if (unix_path(host, &at))
		unlink(at.sun_path);
}

/* Does somebody answer there? A socket that a dead process left behind may be removed. */
static bool unix_is_alive(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;
	if (fd >= 0)
		close(fd);
	return alive;
}

static int unix_open(const struct listen_options *o, struct err *e)
{
	struct sockaddr_un at;
	struct stat st;
	if (!unix_path(o->host, &at))
		return fail(e, ERR_CONFIG, NULL, "%.*s: a socket's path has 1 to 107 bytes", FMT(o->host)), -1;
	if (unix_is_alive(&at))
		return fail(e, ERR_CONFIG, NULL, "%s is already taken by a running server", at.sun_path), -1;
	if (lstat(at.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(at.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The file takes its mode from the socket, so it is never open to others, not even for a moment. */
	if (fd >= 0 && fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	fail(e, ERR_CONFIG, NULL, "cannot listen on %s: %s", at.sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int listen_open(const struct listen_options *o, bool *is_unix, int *port, struct err *e)
{
	*is_unix = str_starts(o->host, S("unix:"));
	if (port)
		*port = 0;
	return *is_unix ? unix_open(o, e) : tcp_open(o, port, e);
}
