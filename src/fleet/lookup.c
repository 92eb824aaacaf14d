/* lookup.c - who is a member of a fleet: a file's lines, or records of DNS. */
#include "fleet/lookup.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <resolv.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_MOST = 1 << 20,
	ANSWER_MOST = 65535, /* of DNS over TCP */
	WAIT_S = 1,          /* for one server ... */
	TRIES = 2,           /* ... so often */
};

static const struct {
	struct str prefix;
	enum lookup_kind kind;
} kinds[] = {{STR("file:"), LOOKUP_FILE}, {STR("dns:"), LOOKUP_DNS}, {STR("srv:"), LOOKUP_SRV}};

enum lookup_kind lookup_kind(struct str what)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (str_starts(what, kinds[i].prefix))
			return kinds[i].kind;
	return LOOKUP_NONE;
}

/* A name that may stand in a URL. */
static bool is_host(struct str s)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	for (size_t i = 0; i < s.n; i++)
		if (!char_in(s.p[i], set))
			return false;
	return s.n > 0 && s.n < NS_MAXDNAME;
}

static bool is_port(struct str s)
{
	int64_t n;
	return str_int(s, &n) && n > 0 && n < 65536;
}

/* "dns:HOST:PORT" behind its kind. */
static bool dns_parts(struct str rest, struct str *host, struct str *port)
{
	*port = rest;
	*host = str_cut(port, ':');
	return is_host(*host) && is_port(*port);
}

bool lookup_check(struct str what, struct err *e)
{
	struct str rest = what, host, port;
	str_cut(&rest, ':');
	switch (lookup_kind(what)) {
	case LOOKUP_FILE:
		return rest.n || fail(e, ERR_CONFIG, NULL, "'file:' names no file");
	case LOOKUP_DNS:
		return dns_parts(rest, &host, &port) ||
		       fail(e, ERR_CONFIG, NULL, "'%.*s' is not dns:HOST:PORT", FMT(what));
	case LOOKUP_SRV:
		return is_host(rest) || fail(e, ERR_CONFIG, NULL, "'%.*s' is not srv:NAME, like srv:_http._tcp.engines.example", FMT(what));
	case LOOKUP_NONE:
		break;
	}
	return true;
}

static void lookup_add(struct lookup *l, struct arena *a, size_t most, struct str url)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->urls[i], url))
			return;
	l->more |= l->n == most;
	if (l->n < most)
		l->urls[l->n++] = str_copy(a, url);
}

/* --- a file --- */

static bool file_run(struct lookup *l, struct arena *a, const char *path, size_t most, struct err *e)
{
	char *text = arena_bytes(a, FILE_MOST);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got = -1;
	while (fd >= 0 && n < FILE_MOST && (got = read(fd, text + n, FILE_MOST - n)) > 0)
		n += (size_t)got;
	if (fd < 0 || got < 0) {
		fail(e, ERR_UNAVAILABLE, NULL, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	if (n == FILE_MOST)
		return fail(e, ERR_UNAVAILABLE, NULL, "%s: more than %d bytes", path, FILE_MOST);
	for (struct str rest = {text, n}; rest.n;) {
		struct str line = str_cut(&rest, '\n');
		struct str url = str_trim(str_cut(&line, '#'));
		if (url.n)
			lookup_add(l, a, most, url);
	}
	return true;
}

/* --- names --- */

/* Asks at that server alone. IPv4: libc's list of servers has room for no other. */
static bool server_set(struct __res_state *r, struct str server)
{
	char host[INET_ADDRSTRLEN];
	struct str port = server, at = str_cut(&port, ':');
	int64_t n;
	if (!at.n || at.n >= sizeof host || !str_int(port, &n) || n < 1 || n > 65535)
		return false;
	memcpy(host, at.p, at.n);
	host[at.n] = 0;
	r->nscount = 1;
	r->nsaddr_list[0] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)n)};
	return inet_pton(AF_INET, host, &r->nsaddr_list[0].sin_addr) == 1;
}

struct asked { /* one question */
	struct lookup *l;
	struct arena *a;
	size_t most;
	struct str port; /* of dns: */
	struct err *e;
};

static void record_read(struct asked *q, const ns_msg *msg, const ns_rr *rr)
{
	char text[INET6_ADDRSTRLEN], host[NS_MAXDNAME];
	const unsigned char *data = ns_rr_rdata(*rr);
	if (ns_rr_type(*rr) == ns_t_a && ns_rr_rdlen(*rr) == 4 && inet_ntop(AF_INET, data, text, sizeof text)) {
		lookup_add(q->l, q->a, q->most, str_fmt(q->a, "http://%s:%.*s", text, FMT(q->port)));
	} else if (ns_rr_type(*rr) == ns_t_aaaa && ns_rr_rdlen(*rr) == 16 && inet_ntop(AF_INET6, data, text, sizeof text)) {
		lookup_add(q->l, q->a, q->most, str_fmt(q->a, "http://[%s]:%.*s", text, FMT(q->port)));
	} else if (ns_rr_type(*rr) == ns_t_srv && ns_rr_rdlen(*rr) > 6 &&
		   ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg), data + 6, host, sizeof host) >= 0 && is_host(str_of(host)) &&
		   ns_get16(data + 4)) { /* the target "." says that there is none: libc writes it as "" or "." */
		if (!str_eq(str_of(host), S(".")))
			lookup_add(q->l, q->a, q->most, str_fmt(q->a, "http://%s:%u", host, ns_get16(data + 4)));
	} else {
		return; /* a CNAME on the way there */
	}
	if (!q->l->ttl_s || ns_rr_ttl(*rr) < q->l->ttl_s)
		q->l->ttl_s = ns_rr_ttl(*rr) ? ns_rr_ttl(*rr) : 1;
}

static bool name_ask(struct asked *q, struct __res_state *r, const char *name, int type)
{
	static const char *const why[] = {[HOST_NOT_FOUND] = "there is no such name", [TRY_AGAIN] = "no server of names answers",
					  [NO_RECOVERY] = "the server of names refuses", [NO_DATA] = "it has no such records"};
	unsigned char *answer = (unsigned char *)arena_bytes(q->a, ANSWER_MOST);
	ns_msg msg;
	ns_rr rr;
	int n = res_nsearch(r, name, ns_c_in, type, answer, ANSWER_MOST);
	if (n < 0 || n > ANSWER_MOST) {
		int code = r->res_h_errno;
		return fail(q->e, ERR_UNAVAILABLE, NULL, "%s: %s", name,
			    code >= HOST_NOT_FOUND && code <= NO_DATA ? why[code] : "it cannot be asked for");
	}
	if (ns_initparse(answer, n, &msg) < 0)
		return fail(q->e, ERR_UNAVAILABLE, NULL, "%s: the answer cannot be read", name);
	for (int i = 0; i < ns_msg_count(msg, ns_s_an); i++)
		if (ns_parserr(&msg, ns_s_an, i, &rr) == 0)
			record_read(q, &msg, &rr);
	return true;
}

static bool names_run(struct lookup *l, struct arena *a, struct str what, size_t most, struct err *e)
{
	struct __res_state r = {0};
	struct asked q = {.l = l, .a = a, .most = most, .e = e};
	struct str name = what;
	bool srv = lookup_kind(what) == LOOKUP_SRV;
	str_cut(&name, ':');
	if (!srv)
		dns_parts(name, &name, &q.port);
	if (res_ninit(&r) < 0)
		return fail(e, ERR_UNAVAILABLE, NULL, "libc's resolver cannot be set up");
	r.retrans = WAIT_S;
	r.retry = TRIES;
	bool ok = !l->server.n || server_set(&r, l->server) ||
		  fail(e, ERR_UNAVAILABLE, NULL, "fleet.resolver: '%.*s' is not ADDRESS:PORT of IPv4", FMT(l->server));
	const char *z = str_copy(a, name).p;
	if (ok && srv) {
		ok = name_ask(&q, &r, z, ns_t_srv);
	} else if (ok) {
		bool four = name_ask(&q, &r, z, ns_t_a), silent = !four && r.res_h_errno == TRY_AGAIN;
		ok = four || silent ? four : name_ask(&q, &r, z, ns_t_aaaa);
		if (four) /* a host may have both; that it has none of these is no failure */
			name_ask(&(struct asked){l, a, most, q.port, &(struct err){0}}, &r, z, ns_t_aaaa);
	}
	res_nclose(&r);
	return ok;
}

bool lookup_run(struct lookup *l, struct arena *a, struct str what, size_t most, struct err *e)
{
	bool file = lookup_kind(what) == LOOKUP_FILE;
	l->urls = new_array(a, struct str, most + 1);
	l->n = 0;
	l->ttl_s = 0;
	if (!lookup_check(what, e) ||
	    !(file ? file_run(l, a, str_copy(a, (struct str){what.p + 5, what.n - 5}).p, most, e) : names_run(l, a, what, most, e)))
		return false;
	return l->n || fail(e, ERR_UNAVAILABLE, NULL, "%.*s: there is no engine in it", FMT(what));
}
