/* known.c - what is remembered of servers, and how many requests of each are under way. */
#include "mcp/known.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "mcp/limits.h"
#include "mcp/seen.h"
#include "mcp/talk.h"

enum { WAIT_SLICE_MS = 50 };

struct known_row {
	uint8_t key[KNOWN_KEY];
	struct mcp_way way;
	struct mcp_server server; /* with a session: where it is ended */
	struct arena text;        /* what the strings of both lie in */
	int64_t until_us;
	struct known_row *next; /* of `ended` */
};
/* Requests under way, of a project or of a server. */
struct known_count {
	uint8_t key[KNOWN_KEY];
	int64_t n;
};
struct mcp_known {
	pthread_mutex_t lock;
	pthread_cond_t left;
	struct map rows, counts;
	struct mcp_seen *seen;
	struct known_row *ended; /* their sessions are not asked any more, and are to be ended */
};

struct mcp_known *mcp_known_new(void)
{
	struct mcp_known *k = xalloc(sizeof *k);
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->left, NULL);
	k->seen = seen_new();
	return k;
}

struct mcp_seen *known_seen(struct mcp_known *k)
{
	return k->seen;
}

/* Headers of servers are credentials. */
static void known_wipe(struct str s)
{
	if (s.n)
		sodium_memzero((char *)s.p, s.n);
}

static void known_free_row(struct known_row *r)
{
	for (size_t i = 0; i < r->server.n_headers; i++)
		known_wipe(r->server.headers[i]);
	arena_free(&r->text);
	xfree(r);
}

/* Nobody asks it any more: its session is ended by who comes next, for that takes a request. */
static void known_end(struct mcp_known *k, struct known_row *r)
{
	if (!r->way.session.n) {
		known_free_row(r);
		return;
	}
	r->next = k->ended;
	k->ended = r;
}

bool known_end_one(struct mcp_known *k, int64_t ms)
{
	pthread_mutex_lock(&k->lock);
	struct known_row *r = k->ended;
	if (r)
		k->ended = r->next;
	pthread_mutex_unlock(&k->lock);
	if (!r)
		return false;
	if (ms > 0)
		mcp_leave(&r->server, &r->way, ms);
	known_free_row(r);
	return true;
}

void mcp_known_free(struct mcp_known *k)
{
	int64_t due_ms = clock_mono_us() / 1000 + mcp_limits.end_ms;
	size_t at = 0;
	void *v;
	if (!k)
		return;
	while ((v = map_next(&k->rows, &at)))
		known_end(k, v);
	while (known_end_one(k, due_ms - clock_mono_us() / 1000))
		;
	at = 0;
	while ((v = map_next(&k->counts, &at)))
		xfree(v);
	map_release(&k->rows);
	map_release(&k->counts);
	seen_free(k->seen);
	pthread_cond_destroy(&k->left);
	pthread_mutex_destroy(&k->lock);
	xfree(k);
}

static void known_hash(crypto_hash_sha256_state *h, struct str s)
{
	uint64_t n = s.n;
	crypto_hash_sha256_update(h, (const unsigned char *)&n, sizeof n);
	crypto_hash_sha256_update(h, (const unsigned char *)s.p, s.n);
}

void known_key(const struct mcp_server *s, uint8_t ret[KNOWN_KEY])
{
	crypto_hash_sha256_state h;
	crypto_hash_sha256_init(&h);
	known_hash(&h, (struct str){(const char *)&s->project, sizeof s->project});
	known_hash(&h, s->url);
	for (size_t i = 0; i < s->n_headers; i++)
		known_hash(&h, s->headers[i]);
	crypto_hash_sha256_final(&h, ret);
}

static struct str known_str(const uint8_t key[KNOWN_KEY])
{
	return (struct str){(const char *)key, KNOWN_KEY};
}

/* --- ways -------------------------------------------------------------------------------------------------------- */

/* `gone`: its session is, or lives on in another row. */
static void known_drop(struct mcp_known *k, const uint8_t key[KNOWN_KEY], bool gone)
{
	struct known_row *r = map_del(&k->rows, known_str(key));
	if (r && gone)
		known_free_row(r);
	else if (r)
		known_end(k, r);
}

struct mcp_way known_get(struct mcp_known *k, const uint8_t key[KNOWN_KEY], struct arena *a)
{
	struct mcp_way way = {0};
	pthread_mutex_lock(&k->lock);
	struct known_row *r = map_get(&k->rows, known_str(key));
	if (r && r->until_us < clock_mono_us()) {
		known_drop(k, key, false);
	} else if (r) {
		way = r->way;
		way.version = str_copy(a, way.version);
		way.session = way.session.n ? str_copy(a, way.session) : (struct str){0};
	}
	pthread_mutex_unlock(&k->lock);
	return way;
}

static void known_make_room(struct mcp_known *k)
{
	struct known_row *r, *oldest = NULL;
	size_t at = 0;
	if ((int64_t)k->rows.n < mcp_limits.known)
		return;
	while ((r = map_next(&k->rows, &at)))
		if (!oldest || r->until_us < oldest->until_us)
			oldest = r;
	if (oldest)
		known_drop(k, oldest->key, false);
}

static struct known_row *known_row_new(const struct mcp_server *server, const uint8_t key[KNOWN_KEY],
				       const struct mcp_way *way)
{
	struct known_row *r = xalloc(sizeof *r);
	memcpy(r->key, key, KNOWN_KEY);
	r->way = *way;
	r->way.version = str_copy(&r->text, way->version);
	r->until_us = clock_mono_us() + mcp_limits.known_ms * 1000;
	if (!way->session.n)
		return r;
	r->way.session = str_copy(&r->text, way->session);
	struct str *headers = new_array(&r->text, struct str, server->n_headers + 1);
	for (size_t i = 0; i < server->n_headers; i++)
		headers[i] = str_copy(&r->text, server->headers[i]);
	r->server = *server;
	r->server.url = str_copy(&r->text, server->url);
	r->server.headers = headers;
	return r;
}

void known_put(const struct mcp_ask *ask, const uint8_t key[KNOWN_KEY], const struct mcp_way *way)
{
	struct mcp_known *k = ask->known;
	pthread_mutex_lock(&k->lock);
	known_drop(k, key, true);
	if (way) {
		known_make_room(k);
		struct known_row *r = known_row_new(ask->server, key, way);
		map_put(&k->rows, known_str(r->key), r);
	}
	pthread_mutex_unlock(&k->lock);
}

/* --- how many at once -------------------------------------------------------------------------------------------- */

static struct known_count *known_count(struct mcp_known *k, const uint8_t key[KNOWN_KEY])
{
	struct known_count *c = map_get(&k->counts, known_str(key));
	if (!c) {
		c = xalloc(sizeof *c);
		memcpy(c->key, key, KNOWN_KEY);
		map_put(&k->counts, known_str(c->key), c);
	}
	return c;
}

static void known_less(struct mcp_known *k, const uint8_t key[KNOWN_KEY])
{
	struct known_count *c = known_count(k, key);
	if (--c->n > 0)
		return;
	map_del(&k->counts, known_str(key));
	xfree(c);
}

static void known_project(const struct mcp_ask *ask, uint8_t ret[KNOWN_KEY])
{
	memset(ret, 0, KNOWN_KEY);
	memcpy(ret, &ask->server->project, sizeof ask->server->project);
}

static void known_wait(struct mcp_known *k)
{
	struct timespec at;
	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_nsec += WAIT_SLICE_MS * 1000000L;
	at.tv_sec += at.tv_nsec / 1000000000L;
	at.tv_nsec %= 1000000000L;
	pthread_cond_timedwait(&k->left, &k->lock, &at);
}

bool known_enter(const struct mcp_ask *ask, const uint8_t key[KNOWN_KEY], struct mcp_fault *f)
{
	struct mcp_known *k = ask->known;
	uint8_t project[KNOWN_KEY];
	const char *why = NULL;
	known_project(ask, project);
	pthread_mutex_lock(&k->lock);
	if (known_count(k, project)->n >= mcp_limits.per_project)
		why = "too many calls of MCP servers are under way";
	known_count(k, project)->n++;
	while (!why && known_count(k, key)->n >= mcp_limits.per_server) {
		known_wait(k);
		if (*ask->cancelled || clock_mono_us() / 1000 >= ask->due_ms)
			why = "the server is busy with earlier calls";
	}
	if (why) {
		known_less(k, project);
		*f = (struct mcp_fault){.kind = MCP_FAULT_HTTP, .code = 429};
		snprintf(f->why, sizeof f->why, "%s", why);
	} else {
		known_count(k, key)->n++;
	}
	pthread_mutex_unlock(&k->lock);
	return !why;
}

void known_leave(const struct mcp_ask *ask, const uint8_t key[KNOWN_KEY])
{
	struct mcp_known *k = ask->known;
	uint8_t project[KNOWN_KEY];
	known_project(ask, project);
	pthread_mutex_lock(&k->lock);
	known_less(k, project);
	known_less(k, key);
	pthread_cond_broadcast(&k->left);
	pthread_mutex_unlock(&k->lock);
}
