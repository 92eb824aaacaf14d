/* prefix.c - who has read the front of a prompt before. */
#include "fleet/prefix.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

enum {
	BLOCK_LEAST = 1024, /* bytes between two marks in the middle of a message ... */
	BLOCK_SHARE = 32,   /* ... or this part of what stands before, if that is more */
	BORDER_LEAST = 256, /* likewise at a message's end */
	BORDER_SHARE = 64,
	WAYS = 8, /* marks that share a set, of which the oldest makes room */
};

static unsigned char prefix_key[crypto_shorthash_KEYBYTES];
static pthread_once_t prefix_key_once = PTHREAD_ONCE_INIT;

static void prefix_key_make(void)
{
	randombytes_buf(prefix_key, sizeof prefix_key);
}

void prefix_key_set(const uint8_t secret[32])
{
	static_assert(sizeof prefix_key <= 32, "a key of a secret's first bytes");
	pthread_once(&prefix_key_once, prefix_key_make);
	memcpy(prefix_key, secret, sizeof prefix_key);
}

/* --- marks --- */

/* The hash of what was before, and of the piece: a key for each step, so that nothing has to be put together. */
static uint64_t prefix_step(uint64_t before, const char *p, size_t n)
{
	unsigned char key[crypto_shorthash_KEYBYTES];
	uint64_t ret, half;
	memcpy(key, prefix_key, sizeof key);
	memcpy(&half, key, sizeof half);
	half ^= before;
	memcpy(key, &half, sizeof half);
	crypto_shorthash((unsigned char *)&ret, (const unsigned char *)p, n, key);
	return ret;
}

void prefix_begin(struct prefix_maker *m, struct str scope)
{
	pthread_once(&prefix_key_once, prefix_key_make);
	m->hash = prefix_step(0, scope.p ? scope.p : "", scope.n);
	m->at = m->last = 0;
	m->n = 0;
}

static void prefix_put(struct prefix_maker *m)
{
	if (m->n < PREFIX_MARKS)
		m->marks[m->n++] = (struct prefix_mark){m->hash, m->at};
	m->last = m->at;
}

static uint64_t prefix_room(const struct prefix_maker *m)
{
	uint64_t block = m->last / BLOCK_SHARE > BLOCK_LEAST ? m->last / BLOCK_SHARE : BLOCK_LEAST;
	return m->last + block - m->at;
}

void prefix_add(struct prefix_maker *m, struct str piece)
{
	while (piece.n && m->n < PREFIX_MARKS) {
		uint64_t room = prefix_room(m);
		size_t n = piece.n < room ? piece.n : (size_t)room;
		m->hash = prefix_step(m->hash, piece.p, n);
		m->at += n;
		piece.p += n;
		piece.n -= n;
		if (n == room)
			prefix_put(m);
	}
	m->at += piece.n; /* behind the last mark nothing is hashed */
}

void prefix_border(struct prefix_maker *m)
{
	uint64_t least = m->at / BORDER_SHARE > BORDER_LEAST ? m->at / BORDER_SHARE : BORDER_LEAST;
	m->hash = prefix_step(m->hash, "|", 1);
	if (m->at - m->last >= least)
		prefix_put(m);
}

struct prefix_marks prefix_end(const struct prefix_maker *m, struct arena *a)
{
	struct prefix_marks ret = {.marks = new_array(a, struct prefix_mark, m->n + 1), .n = m->n, .bytes = m->at};
	memcpy(ret.marks, m->marks, m->n * sizeof *m->marks);
	return ret;
}

uint64_t prefix_hash(struct str s)
{
	pthread_once(&prefix_key_once, prefix_key_make);
	uint64_t h = prefix_step(1, s.p ? s.p : "", s.n);
	return h ? h : 1;
}

/* --- the table --- */

struct prefix_entry {
	uint64_t hash;    /* 0: free */
	uint64_t members; /* one bit each */
	uint32_t used;    /* the table's clock then */
};
struct prefixes {
	struct prefix_entry *entries;
	size_t sets; /* a power of two, of WAYS entries each */
	uint32_t clock;
};

struct prefixes *prefixes_new(size_t most)
{
	struct prefixes *p = xalloc(sizeof *p);
	p->sets = 1;
	while (p->sets * 2 * WAYS <= most)
		p->sets *= 2;
	p->entries = xalloc(p->sets * WAYS * sizeof *p->entries);
	return p;
}

void prefixes_free(struct prefixes *p)
{
	if (!p)
		return;
	xfree(p->entries);
	xfree(p);
}

static struct prefix_entry *set_of(const struct prefixes *p, uint64_t hash)
{
	return p->entries + (hash & (p->sets - 1)) * WAYS;
}

static struct prefix_entry *prefix_entry_find(const struct prefixes *p, uint64_t hash)
{
	struct prefix_entry *set = set_of(p, hash);
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].hash == hash)
			return &set[i];
	return NULL;
}

/* Ages are differences, so that the clock may go round. */
static struct prefix_entry *prefix_entry_make(struct prefixes *p, uint64_t hash)
{
	struct prefix_entry *set = set_of(p, hash), *oldest = set;
	for (size_t i = 0; i < WAYS && oldest->hash; i++)
		if (!set[i].hash || p->clock - set[i].used > p->clock - oldest->used)
			oldest = &set[i];
	*oldest = (struct prefix_entry){.hash = hash};
	return oldest;
}

void prefixes_touch(struct prefixes *p, const struct prefix_marks *m, unsigned member)
{
	p->clock++;
	for (size_t i = 0; i < m->n; i++) {
		struct prefix_entry *e = prefix_entry_find(p, m->marks[i].hash);
		if (!e)
			e = prefix_entry_make(p, m->marks[i].hash);
		e->members |= (uint64_t)1 << member;
		e->used = p->clock;
	}
}

void prefixes_forget(struct prefixes *p, unsigned member)
{
	for (size_t i = 0; i < p->sets * WAYS; i++) {
		p->entries[i].members &= ~((uint64_t)1 << member);
		if (!p->entries[i].members)
			p->entries[i].hash = 0;
	}
}

void prefixes_match(const struct prefixes *p, const struct prefix_marks *m, uint64_t members, uint64_t ret[PREFIX_MEMBERS])
{
	memset(ret, 0, PREFIX_MEMBERS * sizeof *ret);
	uint64_t before = 0;
	for (size_t i = 0; i < m->n && members; i++) {
		const struct prefix_entry *e = prefix_entry_find(p, m->marks[i].hash);
		uint64_t still = e ? members & e->members : 0;
		for (uint64_t left = members & ~still; left; left &= left - 1)
			ret[__builtin_ctzll(left)] = before;
		members = still;
		before = m->marks[i].at;
	}
	for (; members; members &= members - 1)
		ret[__builtin_ctzll(members)] = before;
}
