/* names.c - host names to addresses, off the loop. */
#include "net/names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/arena.h"
#include "loop/workers.h"

enum {
	NAME_KEEP_MS = 30000,
	NAME_THREADS = 2,
	NAME_QUEUE = 64,
};

/* One name: being looked up, or known. Belongs to the cache; while its job runs, to the job. */
struct look {
	struct job job;
	struct names *names; /* NULL: the cache is gone, free it when the job is done */
	struct look *next;
	bool running;
	int64_t until_ms;
	char why[128]; /* "" = found */
	struct addresses found;
	struct name_query waiting; /* ring */
	struct deferred refused;   /* the workers' queue was full */
	char port[8];
	char host[256];
};

struct names {
	struct loop *loop;
	struct workers *workers; /* NULL until the first look-up */
	struct look *looks;
};

struct names *names_new(struct loop *l)
{
	struct names *s = xalloc(sizeof *s);
	s->loop = l;
	return s;
}

void name_cancel(struct name_query *q)
{
	if (!q->look)
		return;
	q->prev->next = q->next;
	q->next->prev = q->prev;
	q->look = NULL;
}

void names_free(struct names *s)
{
	if (!s)
		return;
	for (struct look *k = s->looks, *next; k; k = next) {
		next = k->next;
		while (k->waiting.next != &k->waiting)
			name_cancel(k->waiting.next);
		defer_cancel(&k->refused);
		k->names = NULL;
		k->job.cancelled = true;
		if (!k->running)
			xfree(k);
	}
	workers_free(s->workers);
	xfree(s);
}

/* localhost is this machine also where nothing says so, as in a container without /etc/hosts (RFC 6761, 6.3). */
static bool look_localhost(const char *host, const char *port, struct addresses *ret)
{
	int64_t number;
	if (!str_eq_nocase(str_of(host), S("localhost")) || !str_int(str_of(port), &number))
		return false;
	uv_ip4_addr("127.0.0.1", (int)number, (struct sockaddr_in *)&ret->at[0]);
	uv_ip6_addr("::1", (int)number, (struct sockaddr_in6 *)&ret->at[1]);
	ret->n = 2;
	return true;
}

const char *names_look(const char *host, const char *port, struct addresses *ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
	int bad = getaddrinfo(host, port, &hints, &list);
	ret->n = 0;
	if (bad)
		return look_localhost(host, port, ret) ? NULL : gai_strerror(bad);
	for (struct addrinfo *i = list; i && ret->n < NAME_ADDRESSES; i = i->ai_next)
		if (i->ai_addrlen <= sizeof ret->at[0])
			memcpy(&ret->at[ret->n++], i->ai_addr, i->ai_addrlen);
	freeaddrinfo(list);
	return ret->n ? NULL : "no address";
}

/* Worker thread: `look` is the job's while it runs. */
static void look_run(struct job *j)
{
	struct look *k = OWNER(j, struct look, job);
	const char *why = names_look(k->host, k->port, &k->found);
	if (why)
		snprintf(k->why, sizeof k->why, "%s", why);
}

static void tell_waiting(struct look *k)
{
	struct loop *l = k->names->loop;
	k->until_ms = loop_now_ms(l) + (*k->why ? 0 : NAME_KEEP_MS);
	/* A callback may free the cache: what is told is copied, the ring is asked again each time. */
	struct addresses found = k->found;
	char why[sizeof k->why];
	memcpy(why, k->why, sizeof why);
	struct name_query all = {.next = &all, .prev = &all};
	if (k->waiting.next != &k->waiting) {
		all = k->waiting;
		all.next->prev = all.prev->next = &all;
		k->waiting.next = k->waiting.prev = &k->waiting;
	}
	while (all.next != &all) {
		struct name_query *q = all.next;
		name_cancel(q);
		q->done(q, *why ? NULL : &found, why);
	}
}

static void look_done(struct job *j)
{
	struct look *k = OWNER(j, struct look, job);
	k->running = false;
	if (k->names)
		tell_waiting(k);
	else
		xfree(k);
}

static void look_refused(struct deferred *d)
{
	struct look *k = OWNER(d, struct look, refused);
	snprintf(k->why, sizeof k->why, "too many names are being looked up");
	k->running = false;
	tell_waiting(k);
}

static struct look *look_find(struct names *s, struct str host, struct str port)
{
	struct look **at = &s->looks;
	while (*at) {
		struct look *k = *at;
		if (!k->running && k->waiting.next == &k->waiting && k->until_ms <= loop_now_ms(s->loop)) {
			*at = k->next;
			xfree(k);
		} else if (str_eq_nocase(str_of(k->host), host) && str_eq(str_of(k->port), port)) {
			return k;
		} else {
			at = &k->next;
		}
	}
	return NULL;
}

bool names_known(struct names *s, struct str host, struct str port, struct addresses *ret)
{
	int64_t n;
	char text[256];
	if (host.n >= sizeof text || !str_int(port, &n))
		return false;
	snprintf(text, sizeof text, "%.*s", FMT(host));
	memset(ret, 0, sizeof *ret);
	if (uv_ip4_addr(text, (int)n, (struct sockaddr_in *)&ret->at[0]) == 0 ||
	    uv_ip6_addr(text, (int)n, (struct sockaddr_in6 *)&ret->at[0]) == 0) {
		ret->n = 1;
		return true;
	}
	struct look *k = look_find(s, host, port);
	if (!k || k->running || *k->why)
		return false;
	*ret = k->found;
	return true;
}

void name_ask(struct names *s, struct name_query *q, struct str host, struct str port,
              void (*done)(struct name_query *, const struct addresses *, const char *))
{
	struct look *k = look_find(s, host, port);
	if (!k) {
		k = xalloc(sizeof *k);
		k->names = s;
		k->waiting.next = k->waiting.prev = &k->waiting;
		snprintf(k->host, sizeof k->host, "%.*s", FMT(host));
		snprintf(k->port, sizeof k->port, "%.*s", FMT(port));
		k->next = s->looks;
		s->looks = k;
	}
	q->done = done;
	q->look = k;
	q->prev = k->waiting.prev;
	q->next = &k->waiting;
	q->prev->next = k->waiting.prev = q;
	if (k->running)
		return;
	k->running = true;
	k->found.n = 0;
	*k->why = 0;
	if (!s->workers)
		s->workers = workers_new("names", NAME_THREADS, NAME_QUEUE);
	k->job.run = look_run;
	k->job.done = look_done;
	if (!job_start(s->workers, s->loop, &k->job))
		defer_start(s->loop, &k->refused, look_refused);
}
