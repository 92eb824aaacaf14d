/* seal_bytes.c - bytes sealed and opened by the ring of keys. */
#include "store/seal_bytes.h"

#include <assert.h>
#include <string.h>

/* What sealed bytes are bound to: their own head up to the nonce, and what the caller says. */
struct seal_bound {
	uint8_t bytes[SEAL_NONCE_AT + SEAL_BOUND];
	size_t n;
};

static struct seal_bound seal_bound(const uint8_t *head, struct str what)
{
	struct seal_bound b = {.n = SEAL_NONCE_AT + what.n};
	assert(what.n <= SEAL_BOUND);
	memcpy(b.bytes, head, SEAL_NONCE_AT);
	memcpy(b.bytes + SEAL_NONCE_AT, what.p, what.n);
	return b;
}

void seal_bytes(const struct store *s, uint8_t version, struct str bound, struct str plain, char *to)
{
	const struct seal_key *k = atomic_load(&s->sealer->newest);
	uint8_t *raw = (uint8_t *)to;
	raw[0] = version;
	seal_put_u32(raw + SEAL_KEY_AT, k->id);
	randombytes_buf(raw + SEAL_NONCE_AT, SEAL_NONCE);
	struct seal_bound b = seal_bound(raw, bound);
	crypto_aead_xchacha20poly1305_ietf_encrypt(raw + SEAL_HEAD, NULL, (const uint8_t *)plain.p, plain.n, b.bytes,
						   b.n, NULL, raw + SEAL_NONCE_AT, k->key);
}

static const struct seal_key *key_find(const struct store *s, uint32_t id)
{
	const struct seal_key *k = s->sealer ? atomic_load(&s->sealer->newest) : NULL;
	while (k && k->id != id)
		k = k->next;
	return k;
}

const char *seal_bytes_open(const struct store *s, uint8_t version, struct str bound, struct str sealed, char *to)
{
	const uint8_t *raw = (const uint8_t *)sealed.p;
	if (sealed.n < SEAL_EXTRA || raw[0] != version || bound.n > SEAL_BOUND)
		return "It was not made by this server.";
	const struct seal_key *k = key_find(s, seal_get_u32(raw + SEAL_KEY_AT));
	if (!k)
		return "It was made with a key that this server does not have.";
	struct seal_bound b = seal_bound(raw, bound);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)to, NULL, NULL, raw + SEAL_HEAD, sealed.n - SEAL_HEAD,
						       b.bytes, b.n, raw + SEAL_NONCE_AT, k->key))
		return "It was changed, or it was made for another project or place.";
	return NULL;
}

uint32_t seal_newest(const struct store *s)
{
	return atomic_load(&s->sealer->newest)->id;
}

uint32_t seal_bytes_key(struct str sealed)
{
	return sealed.n < SEAL_EXTRA ? 0 : seal_get_u32((const uint8_t *)sealed.p + SEAL_KEY_AT);
}
