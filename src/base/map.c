/* map.c - a hash map from byte strings to pointers (open addressing, backward-shift removal). */
#include "base/map.h"

#include <pthread.h>
#include <sodium.h>

#include "base/arena.h"

static unsigned char secret[crypto_shorthash_KEYBYTES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void map_make_secret(void)
{
	randombytes_buf(secret, sizeof secret);
}

static size_t map_hash(struct str key)
{
	uint64_t h;
	pthread_once(&once, map_make_secret);
	crypto_shorthash((unsigned char *)&h, (const unsigned char *)key.p, key.n, secret);
	return (size_t)h;
}

static size_t slot_of(const struct map *m, struct str key)
{
	size_t i = map_hash(key) & (m->cap - 1);
	while (m->slots[i].value && !str_eq(m->slots[i].key, key))
		i = (i + 1) & (m->cap - 1);
	return i;
}

void map_release(struct map *m)
{
	xfree(m->slots);
	*m = (struct map){0};
}

void *map_get(const struct map *m, struct str key)
{
	return m->n ? m->slots[slot_of(m, key)].value : NULL;
}

static void grow(struct map *m)
{
	struct map old = *m;
	m->cap = old.cap ? old.cap * 2 : 16;
	m->slots = xalloc(m->cap * sizeof *m->slots);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			m->slots[slot_of(m, old.slots[i].key)] = old.slots[i];
	xfree(old.slots);
}

void map_put(struct map *m, struct str key, void *value)
{
	if ((m->n + 1) * 4 > m->cap * 3)
		grow(m);
	size_t i = slot_of(m, key);
	m->n += !m->slots[i].value;
	m->slots[i] = (struct map_slot){key, value};
}

void *map_del(struct map *m, struct str key)
{
	if (!m->n)
		return NULL;
	size_t i = slot_of(m, key);
	void *gone = m->slots[i].value;
	if (!gone)
		return NULL;
	m->n--;
	for (size_t j = i;;) {
		m->slots[i].value = NULL;
		do {
			j = (j + 1) & (m->cap - 1);
			if (!m->slots[j].value)
				return gone;
		} while (((j - (map_hash(m->slots[j].key) & (m->cap - 1))) & (m->cap - 1)) < ((j - i) & (m->cap - 1)));
		m->slots[i] = m->slots[j];
		i = j;
	}
}

void *map_next(const struct map *m, size_t *at)
{
	while (*at < m->cap) {
		void *v = m->slots[(*at)++].value;
		if (v)
			return v;
	}
	return NULL;
}
