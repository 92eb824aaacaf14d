/* listen.c - where the server listens, and who has a port that is taken. */
#include "main/listen.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof in);
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	struct sockaddr_in6 in6;
	memcpy(&in6, sa, sizeof in6);
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

/* Splits "host:port", "[v6]:port", ":port" (every address) or "port" (loopback). */
static bool split(struct str text, struct str *host, int *port, struct err *e)
{
	int64_t n = 0;
	size_t colon = text.n;
	while (colon && text.p[colon - 1] != ':')
		colon--;
	struct str digits = {text.p + colon, text.n - colon};
	*host = colon ? (struct str){text.p, colon - 1} : S("127.0.0.1");
	if (host->n && host->p[0] == '[' && host->p[host->n - 1] == ']')
		*host = (struct str){host->p + 1, host->n - 2};
	else if (str_find(*host, ':') < host->n)
		return fail(e, ERR_CONFIG, NULL, "server.listen: write an IPv6 address in brackets, as in [::1]:8080, not '%.*s'",
		            FMT(text));
	if (colon && (!host->n || str_eq(*host, S("*"))))
		*host = S("0.0.0.0");
	if (!str_int(digits, &n) || n < 0 || n > 65535)
		return fail(e, ERR_CONFIG, NULL, "server.listen: '%.*s' must be HOST:PORT with a port from 0 to 65535", FMT(text));
	*port = (int)n;
	return true;
}

static bool resolve(struct arena *a, struct str host, int port, struct address *out, size_t room, size_t *n,
                    struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all, *one;
	struct str name = str_copy(a, host);
	int rc = getaddrinfo(name.p, NULL, &hints, &all);
	if (rc)
		return fail(e, ERR_CONFIG, NULL, "server.listen: '%s' is no address of this machine: %s", name.p,
		            gai_strerror(rc));
	for (one = all; one && *n < room; one = one->ai_next) {
		char text[INET6_ADDRSTRLEN + 20];
		if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST))
			continue;
		out[(*n)++] = (struct address){str_copy(a, str_of(text)), port, is_loopback(one->ai_addr), false};
	}
	freeaddrinfo(all);
	return true;
}

bool addresses_read(struct arena *a, const struct config_list *list, struct addresses *ret, struct err *e)
{
	enum { PER_NAME = 8 };
	struct addresses out = {new_array(a, struct address, list->n * PER_NAME), 0, true};
	bool standard = list->n == 2 && str_eq(list->at[1], S("[::1]:8080"));
	for (size_t i = 0; i < list->n; i++) {
		struct str host;
		int port;
		if (str_starts(list->at[i], S("unix:"))) {
			out.at[out.n++] = (struct address){list->at[i], 0, true, false};
			continue;
		}
		if (!split(list->at[i], &host, &port, e))
			return false;
		size_t before = out.n;
		if (str_eq_nocase(host, S("localhost"))) {
			out.at[out.n++] = (struct address){S("127.0.0.1"), port, true, false};
			if (port) /* port 0 is one port, not two */
				out.at[out.n++] = (struct address){S("::1"), port, true, true};
		} else if (!resolve(a, host, port, out.at, before + PER_NAME, &out.n, e)) {
			return false;
		}
		if (standard && i == 1)
			out.at[before].may_lack = true;
	}
	for (size_t i = 0; i < out.n; i++)
		out.loopback = out.loopback && out.at[i].loopback;
	*ret = out;
	return true;
}

struct str address_url(struct arena *a, const struct address *at, bool tls)
{
	if (str_starts(at->host, S("unix:")))
		return at->host;
	bool v6 = str_find(at->host, ':') < at->host.n;
	return str_fmt(a, "http%s://%s%.*s%s:%d", tls ? "s" : "", v6 ? "[" : "", FMT(at->host), v6 ? "]" : "", at->port);
}

/* The inode of the socket that listens on `port`, from /proc/net/tcp or tcp6; 0: none. */
static unsigned long listening_inode(const char *table, int port)
{
	FILE *f = fopen(table, "re");
	char line[512];
	unsigned long inode = 0;
	if (!f)
		return 0;
	while (!inode && fgets(line, sizeof line, f)) {
		unsigned at, state;
		unsigned long found;
		/* sl local rem st tx:rx tr:tm retrnsmt uid timeout inode; state 0A is LISTEN (proc(5)) */
		if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*d %*d %lu", &at, &state,
		           &found) == 3 &&
		    at == (unsigned)port && state == 0x0a)
			inode = found;
	}
	fclose(f);
	return inode;
}

static bool process_holds(const char *pid, const char *socket)
{
	char path[300], link[64];
	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	DIR *d = opendir(path);
	bool found = false;
	if (!d)
		return false;
	for (struct dirent *f; !found && (f = readdir(d));) {
		ssize_t n = readlinkat(dirfd(d), f->d_name, link, sizeof link - 1);
		if (n <= 0)
			continue;
		link[n] = 0;
		found = !strcmp(link, socket);
	}
	closedir(d);
	return found;
}

static struct str command_of(struct arena *a, const char *pid)
{
	char path[300], text[200];
	snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f)
		fclose(f);
	while (n && !text[n - 1])
		n--;
	for (size_t i = 0; i < n; i++) /* arguments are separated by NUL */
		if ((unsigned char)text[i] < 0x20)
			text[i] = ' ';
	return str_copy(a, (struct str){text, n});
}

struct str port_owner(struct arena *a, int port)
{
	char socket[64];
	unsigned long inode = listening_inode("/proc/net/tcp", port);
	if (!inode)
		inode = listening_inode("/proc/net/tcp6", port);
	DIR *d = inode ? opendir("/proc") : NULL;
	struct str owner = {0};
	if (!d)
		return owner;
	snprintf(socket, sizeof socket, "socket:[%lu]", inode);
	for (struct dirent *p; !owner.p && (p = readdir(d));)
		if (isdigit((unsigned char)p->d_name[0]) && process_holds(p->d_name, socket))
			owner = str_fmt(a, "pid %s (%.*s)", p->d_name, FMT(command_of(a, p->d_name)));
	closedir(d);
	return owner;
}
