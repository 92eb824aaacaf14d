/* id_cipher.c - the cipher that hides an id's key. */
#include "base/id_cipher.h"

#include <sodium.h>
#include <string.h>

enum { ROUNDS = 4 };

static uint32_t round_of(const uint8_t secret[16], uint32_t half, unsigned round)
{
	_Static_assert(crypto_shorthash_KEYBYTES == 16, "SipHash key");
	unsigned char in[5];
	uint64_t h;
	memcpy(in, &half, 4);
	in[4] = (unsigned char)round;
	crypto_shorthash((unsigned char *)&h, in, sizeof in, secret);
	return (uint32_t)h;
}

uint64_t id_encipher(const uint8_t secret[16], uint64_t key)
{
	uint32_t l = (uint32_t)(key >> 32), r = (uint32_t)key;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t next = l ^ round_of(secret, r, i);
		l = r;
		r = next;
	}
	return (uint64_t)l << 32 | r;
}

uint64_t id_decipher(const uint8_t secret[16], uint64_t text)
{
	uint32_t l = (uint32_t)(text >> 32), r = (uint32_t)text;
	for (unsigned i = ROUNDS; i-- > 0;) {
		uint32_t prev = r ^ round_of(secret, l, i);
		r = l;
		l = prev;
	}
	return (uint64_t)l << 32 | r;
}
