/* egress.c - gates: who listens at boxes' proxies, and how many speak at once. */
#include "egress/egress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "egress/flow.h"
#include "egress/tls.h"

enum { STACK = 512 << 10, PAUSE_MS = 50 };

struct egress {
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t fewer; /* a gate is gone */
	size_t gates, connections;
	struct authority *authority;
	bool written;
	char path[4200]; /* constant, as what follows */
	unsigned char key[crypto_generichash_KEYBYTES];
};

struct egress_gate {
	struct egress *egress;
	struct arena arena;
	struct egress_policy policy;
	int64_t owner;
	int listener, wake;
	_Atomic bool cut;
	size_t holders, connections; /* under the lock */
};

struct egress_talk { /* one connection, for its thread */
	struct egress_gate *gate;
	int fd;
};

struct egress *egress_new(struct str dir)
{
	struct egress *e = xalloc(sizeof *e);
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->fewer, NULL);
	snprintf(e->path, sizeof e->path, "%.*s/authorities.pem", FMT(dir));
	crypto_generichash_keygen(e->key);
	return e;
}

void egress_free(struct egress *e)
{
	if (!e)
		return;
	pthread_mutex_lock(&e->lock);
	while (e->gates)
		pthread_cond_wait(&e->fewer, &e->lock);
	pthread_mutex_unlock(&e->lock);
	authority_free(e->authority);
	pthread_cond_destroy(&e->fewer);
	pthread_mutex_destroy(&e->lock);
	sodium_memzero(e->key, sizeof e->key);
	xfree(e);
}

void egress_stand_in(const struct egress *e, int64_t owner, struct str name, char ret[SECRET_STAND_IN])
{
	unsigned char hash[16];
	crypto_generichash_state h;
	crypto_generichash_init(&h, e->key, sizeof e->key, sizeof hash);
	crypto_generichash_update(&h, (const unsigned char *)&owner, sizeof owner);
	crypto_generichash_update(&h, (const unsigned char *)name.p, name.n);
	crypto_generichash_final(&h, hash, sizeof hash);
	snprintf(ret, SECRET_STAND_IN, "secret-");
	sodium_bin2hex(ret + strlen(ret), SECRET_STAND_IN - strlen(ret), hash, sizeof hash);
}

/* With the lock. */
static const struct authority *egress_authority(struct egress *e)
{
	if (!e->authority)
		e->authority = authority_new();
	return e->authority;
}

bool egress_authorities(struct egress *e, const char **ret, struct err *err)
{
	pthread_mutex_lock(&e->lock);
	const struct authority *a = egress_authority(e);
	bool ok = a != NULL || fail(err, ERR_UNAVAILABLE, NULL, "OpenSSL makes no certificate");
	ok = ok && (e->written || authority_write(a, e->path, err));
	e->written = ok;
	pthread_mutex_unlock(&e->lock);
	*ret = e->path;
	return ok;
}

static const struct authority *egress_for_flow(void *ctx)
{
	struct egress *e = ctx;
	pthread_mutex_lock(&e->lock);
	const struct authority *a = egress_authority(e);
	pthread_mutex_unlock(&e->lock);
	return a;
}

/* --- gates ------------------------------------------------------------------------------------------------------- */

static void gate_drop(struct egress_gate *g)
{
	struct egress *e = g->egress;
	pthread_mutex_lock(&e->lock);
	bool last = --g->holders == 0;
	pthread_mutex_unlock(&e->lock);
	if (!last)
		return;
	close(g->listener);
	close(g->wake);
	arena_free(&g->arena);
	xfree(g);
	pthread_mutex_lock(&e->lock);
	e->gates--;
	pthread_cond_broadcast(&e->fewer);
	pthread_mutex_unlock(&e->lock);
}

static bool gate_start(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	bool ok = pthread_create(&thread, &attr, run, arg) == 0;
	pthread_attr_destroy(&attr);
	return ok;
}

/* One connection more or less; false: there are as many as there may be. */
static bool gate_count(struct egress_gate *g, int more)
{
	struct egress *e = g->egress;
	pthread_mutex_lock(&e->lock);
	bool ok = more < 0 || (e->connections < (size_t)egress_limits.connections &&
			       g->connections < (size_t)egress_limits.box_connections);
	if (ok) {
		e->connections += (size_t)more;
		g->connections += (size_t)more;
		g->holders += more > 0;
	}
	pthread_mutex_unlock(&e->lock);
	return ok;
}

static void gate_end(struct egress_gate *g)
{
	gate_count(g, -1);
	gate_drop(g);
}

static void *gate_talk(void *arg)
{
	struct egress_talk *t = arg;
	struct egress_gate *g = t->gate;
	const struct flow_rules rules = {
	    .policy = &g->policy, .owner = g->owner, .authority = egress_for_flow, .ctx = g->egress, .cut = &g->cut};
	flow_run(&rules, t->fd);
	xfree(t);
	gate_end(g);
	return NULL;
}

static void gate_take(struct egress_gate *g, int fd)
{
	if (!gate_count(g, 1)) {
		flow_refuse(fd);
		return;
	}
	struct egress_talk *t = xalloc(sizeof *t);
	*t = (struct egress_talk){g, fd};
	if (gate_start(gate_talk, t))
		return;
	xfree(t);
	flow_refuse(fd);
	gate_end(g);
}

static void *gate_listen(void *arg)
{
	struct egress_gate *g = arg;
	while (!atomic_load(&g->cut)) {
		struct pollfd on[] = {{.fd = g->listener, .events = POLLIN}, {.fd = g->wake, .events = POLLIN}};
		poll(on, 2, -1);
		if (atomic_load(&g->cut))
			break;
		int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			gate_take(g, fd);
		else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			poll(NULL, 0, PAUSE_MS); /* no descriptors: later there are some */
	}
	gate_drop(g);
	return NULL;
}

static void gate_copy(struct egress_gate *g, const struct egress_policy *p)
{
	struct str *domains = new_array(&g->arena, struct str, p->domains.n + 1);
	struct secret *secrets = new_array(&g->arena, struct secret, p->n_secrets + 1);
	for (size_t i = 0; i < p->domains.n; i++)
		domains[i] = str_copy(&g->arena, p->domains.at[i]);
	for (size_t i = 0; i < p->n_secrets; i++) {
		const struct secret *s = &p->secrets[i];
		secrets[i] = (struct secret){str_copy(&g->arena, s->domain), str_copy(&g->arena, s->name),
					     str_copy(&g->arena, s->value), str_copy(&g->arena, s->stand_in)};
	}
	g->policy = (struct egress_policy){{domains, p->domains.n}, secrets, p->n_secrets};
}

struct egress_gate *egress_open(struct egress *e, int64_t owner, const struct egress_policy *p, int listener)
{
	struct egress_gate *g = xalloc(sizeof *g);
	*g = (struct egress_gate){.egress = e, .owner = owner, .listener = listener, .holders = 2};
	fcntl(listener, F_SETFL, O_NONBLOCK); /* who connected may be gone again before accept() */
	g->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	gate_copy(g, p);
	pthread_mutex_lock(&e->lock);
	e->gates++;
	pthread_mutex_unlock(&e->lock);
	if (g->wake >= 0 && gate_start(gate_listen, g))
		return g;
	log_at(LOG_WARN, "a box has no way out", "reason=\"%m\"");
	gate_drop(g);
	gate_drop(g);
	return NULL;
}

void egress_close(struct egress_gate *g)
{
	const uint64_t one = 1;
	atomic_store(&g->cut, true);
	if (write(g->wake, &one, sizeof one) < 0)
		errno = 0; /* it is awake */
	gate_drop(g);
}
