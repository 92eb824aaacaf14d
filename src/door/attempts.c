/* attempts.c - the SDKs' own blind retries: one table, one mutex. */
#include "door/attempts.h"

#include <sodium.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "door/options.h"
#include "base/clock.h"
#include "base/map.h"

enum { ENDED = 1 /* the kind of news */ };

struct attempt {
	struct attempts *owner;
	struct attempt *older, *newer; /* attempts with the same key */
	struct attempt *next_ended;    /* in order of their ends */
	uint8_t key[40];               /* project, hash */
	char id[ID_MAX];
	unsigned refs; /* the table while listed, the owner, joiners */
	bool listed, ended, abandoned;
	enum attempt_end end;
	int status;
	struct str answer;
	int64_t ended_us;
	struct watches joiners;
};

struct attempts {
	pthread_mutex_t lock;
	struct map map; /* key -> newest attempt */
	struct attempt *first, *last;
	size_t bytes;
};

struct attempts *attempts_new(void)
{
	struct attempts *as = xalloc(sizeof *as);
	pthread_mutex_init(&as->lock, NULL);
	return as;
}

static struct str attempts_key_of(const struct attempt *at)
{
	return (struct str){(const char *)at->key, sizeof at->key};
}

/* All with the lock held. */
static void attempts_unref(struct attempt *at)
{
	if (--at->refs)
		return;
	xfree((void *)at->answer.p);
	xfree(at);
}

static void unlist(struct attempt *at)
{
	struct map *m = &at->owner->map;
	if (!at->listed)
		return;
	at->listed = false;
	if (at->older)
		at->older->newer = at->newer;
	if (at->newer) {
		at->newer->older = at->older;
	} else { /* the table's key lives in the newest */
		map_del(m, attempts_key_of(at));
		if (at->older)
			map_put(m, attempts_key_of(at->older), at->older);
	}
	attempts_unref(at);
}

static size_t attempts_size_of(const struct attempt *at)
{
	return sizeof *at + at->answer.n + 64;
}

static void drop_first(struct attempts *as)
{
	struct attempt *at = as->first;
	as->first = at->next_ended;
	if (!as->first)
		as->last = NULL;
	as->bytes -= attempts_size_of(at);
	unlist(at);
	attempts_unref(at); /* the list of the ended ones */
}

void attempts_free(struct attempts *as)
{
	while (as->first)
		drop_first(as);
	map_release(&as->map);
	pthread_mutex_destroy(&as->lock);
	xfree(as);
}

static void attempts_make_key(uint8_t out[40], int64_t project, const uint8_t hash[32])
{
	memcpy(out, &project, 8);
	memcpy(out + 8, hash, 32);
}

struct attempt *attempt_begin(struct attempts *as, int64_t project, const uint8_t hash[32], struct str response_id)
{
	struct attempt *at = xalloc(sizeof *at);
	at->owner = as;
	at->refs = 2; /* the table and the owner */
	at->listed = true;
	attempts_make_key(at->key, project, hash);
	snprintf(at->id, sizeof at->id, "%.*s", FMT(response_id));
	pthread_mutex_lock(&as->lock);
	at->older = map_get(&as->map, attempts_key_of(at));
	if (at->older) {
		at->older->newer = at;
		map_del(&as->map, attempts_key_of(at));
	}
	map_put(&as->map, attempts_key_of(at), at);
	pthread_mutex_unlock(&as->lock);
	return at;
}

void attempt_abandoned(struct attempt *at)
{
	pthread_mutex_lock(&at->owner->lock);
	at->abandoned = true;
	pthread_mutex_unlock(&at->owner->lock);
}

bool attempt_joined(struct attempt *at)
{
	pthread_mutex_lock(&at->owner->lock);
	bool any = at->joiners.first != NULL;
	pthread_mutex_unlock(&at->owner->lock);
	return any;
}

static void attempts_on_told(struct watch *w)
{
	struct joiner *j = OWNER(w, struct joiner, watch);
	j->end = j->attempt->end;
	j->status = j->attempt->status;
	j->answer = j->attempt->answer;
	snprintf(j->id, sizeof j->id, "%s", j->attempt->id);
	j->done(j);
}

void attempt_end(struct attempt *at, enum attempt_end end, int status, struct str answer)
{
	struct attempts *as = at->owner;
	int64_t now = clock_mono_us();
	pthread_mutex_lock(&as->lock);
	at->end = end;
	at->status = status;
	if (answer.n) {
		char *copy = xalloc(answer.n);
		memcpy(copy, answer.p, answer.n);
		at->answer = (struct str){copy, answer.n};
	}
	at->ended = true;
	at->ended_us = now;
	watches_tell(&at->joiners, ENDED);
	if (end == ATTEMPT_FAILED) {
		unlist(at);
	} else {
		at->refs++;
		as->bytes += attempts_size_of(at);
		if (as->last)
			as->last->next_ended = at;
		else
			as->first = at;
		as->last = at;
	}
	attempts_unref(at);
	while (as->first && (as->bytes > (size_t)api_limits.replay_bytes / 4 ||
	                     now - as->first->ended_us > api_limits.replay_seconds * 1000000))
		drop_first(as);
	pthread_mutex_unlock(&as->lock);
}

/* One whose client is gone comes first; else the newest. */
static struct attempt *best(struct attempt *newest)
{
	for (struct attempt *at = newest; at; at = at->older)
		if (at->abandoned)
			return at;
	return newest;
}

bool join_start(struct attempts *as, int64_t project, const uint8_t hash[32], struct loop *l, struct joiner *j,
                void (*done)(struct joiner *))
{
	uint8_t key[40];
	attempts_make_key(key, project, hash);
	pthread_mutex_lock(&as->lock);
	struct attempt *at = best(map_get(&as->map, (struct str){(const char *)key, sizeof key}));
	if (at) {
		at->refs++;
		*j = (struct joiner){.done = done, .attempt = at};
		watch_start(&at->joiners, l, ENDED | WATCH_ONCE, &j->watch, attempts_on_told);
		snprintf(j->id, sizeof j->id, "%s", at->id);
		if (at->ended)
			watches_tell(&at->joiners, ENDED);
	}
	pthread_mutex_unlock(&as->lock);
	return at != NULL;
}

void join_stop(struct joiner *j)
{
	struct attempt *at = j->attempt;
	if (!at)
		return;
	struct attempts *as = at->owner;
	pthread_mutex_lock(&as->lock);
	watch_stop(&at->joiners, &j->watch);
	attempts_unref(at);
	pthread_mutex_unlock(&as->lock);
	*j = (struct joiner){0};
}

void body_hash(struct str body, uint8_t out[32])
{
	crypto_hash_sha256(out, (const unsigned char *)body.p, body.n);
}
