/* id.c - object ids. */
#include "base/id.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id_cipher.h"

static uint8_t cipher_key[16];
enum { TIME_SHIFT = 11, NODE_BITS = 7 };
static _Atomic int64_t last_key;
static unsigned own_node;
static int64_t nodes_since; /* keys up to it name none */

void id_setup(const uint8_t secret[16])
{
	memcpy(cipher_key, secret, 16);
}

void id_floor(int64_t floor)
{
	int64_t last = atomic_load(&last_key);
	while (floor > last && !atomic_compare_exchange_weak(&last_key, &last, floor))
		;
}

void id_node_set(unsigned node, int64_t since)
{
	static_assert(ID_NODES == 1 << NODE_BITS, "the node's bits");
	assert(node < ID_NODES);
	own_node = node;
	nodes_since = since;
}

/* Random bytes come from the system in pages: a getrandom() a turn would cost more than the rest. */
static void random_part(uint8_t *out, size_t n)
{
	static _Thread_local uint8_t pool[1024];
	static _Thread_local size_t used = sizeof pool;
	if (used + n > sizeof pool) {
		randombytes_buf(pool, sizeof pool);
		used = 0;
	}
	memcpy(out, pool + used, n);
	memset(pool + used, 0, n);
	used += n;
}

struct id id_mint(void)
{
	struct id id;
	int64_t now = clock_wall_us() << TIME_SHIFT, last = atomic_load(&last_key);
	do
		id.key = (now > last ? now : ((last >> NODE_BITS) + 1) << NODE_BITS) | own_node;
	while (!atomic_compare_exchange_weak(&last_key, &last, id.key));
	random_part(id.rnd, sizeof id.rnd);
	return id;
}

int id_node(const struct id *id)
{
	return id->key > nodes_since ? (int)(id->key & (ID_NODES - 1)) : -1;
}

int64_t id_made_at(const struct id *id)
{
	return id_made_us(id) / 1000000;
}

int64_t id_made_us(const struct id *id)
{
	return id->key >> TIME_SHIFT;
}

int64_t id_key_from(int64_t seconds)
{
	return seconds < 0 ? 0 : seconds > INT64_MAX / 1000000 >> TIME_SHIFT ? INT64_MAX : seconds * 1000000 << TIME_SHIFT;
}

struct str id_text(char out[ID_MAX], const char *prefix, const struct id *id)
{
	uint8_t raw[8 + ID_RND];
	uint64_t c = id_encipher(cipher_key, (uint64_t)id->key);
	for (int i = 0; i < 8; i++)
		raw[i] = (uint8_t)(c >> (56 - 8 * i));
	memcpy(raw + 8, id->rnd, ID_RND);
	size_t n = strlen(prefix);
	assert(n && n <= 12);
	memcpy(out, prefix, n);
	if (out[n - 1] != '-')
		out[n++] = '_';
	sodium_bin2hex(out + n, ID_MAX - n, raw, sizeof raw);
	return (struct str){out, n + ID_HEX};
}

static bool parse_hex(struct str hex, struct id *ret)
{
	uint8_t raw[8 + ID_RND];
	size_t got;
	if (hex.n != ID_HEX || sodium_hex2bin(raw, sizeof raw, hex.p, hex.n, NULL, &got, NULL) || got != sizeof raw)
		return false;
	for (size_t i = 0; i < hex.n; i++)
		if (hex.p[i] >= 'A' && hex.p[i] <= 'F')
			return false; /* one spelling for one id */
	uint64_t c = 0;
	for (int i = 0; i < 8; i++)
		c = c << 8 | raw[i];
	ret->key = (int64_t)id_decipher(cipher_key, c);
	memcpy(ret->rnd, raw + 8, ID_RND);
	return ret->key > 0;
}

bool id_parse(struct str text, const char *prefix, struct id *ret)
{
	size_t n = strlen(prefix), joint = prefix[n - 1] != '-';
	if (text.n != n + joint + ID_HEX || memcmp(text.p, prefix, n) || (joint && text.p[n] != '_'))
		return false;
	return parse_hex((struct str){text.p + n + joint, ID_HEX}, ret);
}

bool id_parse_any(struct str text, struct id *ret)
{
	if (text.n < ID_HEX + 2 || text.p[text.n - ID_HEX - 1] != '_')
		return false;
	return parse_hex((struct str){text.p + text.n - ID_HEX, ID_HEX}, ret);
}

struct str id_random(char out[ID_MAX], const char *prefix)
{
	uint8_t raw[16];
	random_part(raw, sizeof raw);
	size_t n = (size_t)snprintf(out, ID_MAX, "%.12s_", prefix);
	sodium_bin2hex(out + n, ID_MAX - n, raw, sizeof raw);
	return (struct str){out, n + 32};
}
