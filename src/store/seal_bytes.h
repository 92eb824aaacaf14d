/* seal_bytes.h - the ring of keys (seal.h), and bytes that it seals. Inside store/ alone. Any thread, without locks. */
#pragma once
#include <sodium.h>
#include <stdatomic.h>

#include "store/core.h"

enum {
	SEAL_KEY = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	SEAL_NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	SEAL_TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	SEAL_WRAPPED = SEAL_NONCE + SEAL_KEY + SEAL_TAG,
	/* sealed bytes: version, key id, nonce, ciphertext with its tag */
	SEAL_KEY_AT = 1,
	SEAL_NONCE_AT = 5,
	SEAL_HEAD = SEAL_NONCE_AT + SEAL_NONCE,
	SEAL_EXTRA = SEAL_HEAD + SEAL_TAG, /* bytes that sealing adds */
	SEAL_BOUND = 256,
};

struct seal_key {
	uint32_t id; /* 1, 2, ... */
	int64_t created_at;
	uint8_t wrapped[SEAL_WRAPPED], key[SEAL_KEY];
	struct seal_key *next; /* the next older one */
};
struct sealer {
	_Atomic(struct seal_key *) newest; /* keys are added in front and go only at the end */
	pthread_mutex_t rotating;
	uint8_t master[SEAL_KEY];
	bool encrypts; /* store.encrypt */
};

static inline void seal_put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline uint32_t seal_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What a sealed text is before base64: `to` has plain.n + SEAL_EXTRA bytes. `version` tells apart what is sealed,
 * `bound` (SEAL_BOUND bytes at most) is what it is bound to: whoever opens it must say the same. */
void seal_bytes(const struct store *s, uint8_t version, struct str bound, struct str plain, char *to);
/* `to` has sealed.n - SEAL_EXTRA bytes. NULL, or why it does not open. */
const char *seal_bytes_open(const struct store *s, uint8_t version, struct str bound, struct str sealed, char *to);
uint32_t seal_newest(const struct store *s); /* the key that seals now */
uint32_t seal_bytes_key(struct str sealed);  /* the one that sealed that; 0: none */
