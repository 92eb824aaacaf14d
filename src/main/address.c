/* address.c - where the server listens. */
#include "main/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

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
		return fail(e, ERR_CONFIG, NULL,
			    "server.listen: write an IPv6 address in brackets, as in [::1]:8080, not '%.*s'",
			    FMT(text));
	if (colon && (!host->n || str_eq(*host, S("*"))))
		*host = S("0.0.0.0");
	if (!str_int(digits, &n) || n < 0 || n > 65535)
		return fail(e, ERR_CONFIG, NULL, "server.listen: '%.*s' must be HOST:PORT with a port from 0 to 65535",
			    FMT(text));
	*port = (int)n;
	return true;
}

static bool address_resolve(struct arena *a, struct str host, int port, struct address *out, size_t room, size_t *n,
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
		int port = 0;
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
		} else if (!address_resolve(a, host, port, out.at, before + PER_NAME, &out.n, e)) {
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
	return str_fmt(a, "http%s://%s%.*s%s:%d", tls ? "s" : "", v6 ? "[" : "", FMT(at->host), v6 ? "]" : "",
		       at->port);
}
