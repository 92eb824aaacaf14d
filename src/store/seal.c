/* seal.c - text that clients keep for us: the key ring and the sealing. */
#include "store/seal.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "store/request.h"
#include "store/seal_secret.h"

enum {
	VERSION = 1,
	KEY_AT = 1,
	NONCE_AT = 5,
	HEAD = NONCE_AT + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	KEY = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	WRAPPED = NONCE + KEY + TAG,
	TYPE_MAX = 64,
};

struct seal_key {
	uint32_t id; /* 1, 2, ... */
	int64_t created_at;
	uint8_t wrapped[WRAPPED], key[KEY];
	struct seal_key *next; /* the next older one */
};

struct sealer {
	_Atomic(struct seal_key *) newest; /* keys are added in front and go only at the end */
	pthread_mutex_t rotating;
	uint8_t master[KEY];
};

static void put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- the ring --- */

/* What a wrapped key is bound to: that it is one, and its place. */
struct wrap_bound {
	char what[16];
	uint8_t id[4];
};

static struct wrap_bound wrap_bound(const struct seal_key *k)
{
	struct wrap_bound b = {.what = "antiphon sealkey"};
	put_u32(b.id, k->id);
	return b;
}

static void key_wrap(struct seal_key *k, const uint8_t master[KEY])
{
	struct wrap_bound b = wrap_bound(k);
	randombytes_buf(k->wrapped, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(k->wrapped + NONCE, NULL, k->key, KEY, (const uint8_t *)&b, sizeof b,
						   NULL, k->wrapped, master);
}

static bool key_unwrap(struct seal_key *k, const uint8_t master[KEY])
{
	struct wrap_bound b = wrap_bound(k);
	return !crypto_aead_xchacha20poly1305_ietf_decrypt(k->key, NULL, NULL, k->wrapped + NONCE, KEY + TAG,
							   (const uint8_t *)&b, sizeof b, k->wrapped, master);
}

static void key_push(struct sealer *sealer, struct seal_key *k)
{
	k->next = atomic_load(&sealer->newest);
	atomic_store(&sealer->newest, k);
}

/* Oldest first. A row of another size is kept as zeroes, which no secret unwraps. */
static bool seal_on_key(void *ctx, const struct cell *cells)
{
	struct seal_key *k = xalloc(sizeof *k);
	k->id = (uint32_t)cells[0].i;
	k->created_at = cells[1].i;
	if (cells[2].s.n == WRAPPED)
		memcpy(k->wrapped, cells[2].s.p, WRAPPED);
	key_push(ctx, k);
	return true;
}

static bool load_keys(struct db_reader *r, void *ctx, struct err *e)
{
	struct store *s = ctx;
	return s->driver->query(r, STMT_SEAL_LIST, NULL, 0, seal_on_key, s->sealer, e);
}

static bool unwrap_all(struct sealer *sealer, const struct seal_options *o, struct err *e)
{
	struct str source = o->secret.p ? S("ANTIPHON_MASTER_SECRET") : o->file;
	for (struct seal_key *k = atomic_load(&sealer->newest); k; k = k->next)
		if (!key_unwrap(k, sealer->master))
			return fail(
			    e, ERR_CONFIG, NULL,
			    "the master secret (%.*s) is not the one that this store's keys for encrypted items were "
			    "wrapped with: give that one back, in ANTIPHON_MASTER_SECRET or in the file of "
			    "store.master_secret_file. " SEAL_LOST,
			    FMT(source));
	return true;
}

bool seal_rotate(struct store *s, struct err *e)
{
	struct sealer *sealer = s->sealer;
	struct seal_key *k = xalloc(sizeof *k), *newest;
	pthread_mutex_lock(&sealer->rotating);
	newest = atomic_load(&sealer->newest);
	k->id = newest ? newest->id + 1 : 1;
	k->created_at = clock_wall_s();
	randombytes_buf(k->key, sizeof k->key);
	key_wrap(k, sealer->master);
	struct store_request *r = request_new(NULL, NULL, 1, 3, sizeof k->wrapped);
	ADD(r, STMT_SEAL_INSERT, INT(k->id), INT(k->created_at),
	    BLOB(((struct str){(const char *)k->wrapped, sizeof k->wrapped})));
	bool ok = store_write(s, r, e);
	if (ok)
		key_push(sealer, k); /* only now: what it seals must open after a crash */
	else
		xfree(k);
	pthread_mutex_unlock(&sealer->rotating);
	return ok;
}

bool seal_start(struct store *s, const struct seal_options *o, struct err *e)
{
	assert(!s->sealer);
	struct sealer *sealer = s->sealer = xalloc(sizeof *s->sealer);
	pthread_mutex_init(&sealer->rotating, NULL);
	if (!s->driver->read(s->reader, load_keys, s, e))
		return false;
	const struct seal_key *newest = atomic_load(&sealer->newest);
	if (!master_secret(o, newest == NULL, sealer->master, e) || !unwrap_all(sealer, o, e))
		return false;
	int64_t days = store_limits.seal_days;
	bool old = newest && days && clock_wall_s() - newest->created_at > days * 86400;
	return (newest && !old) || seal_rotate(s, e);
}

void sealer_close(struct store *s)
{
	struct sealer *sealer = s->sealer;
	if (!sealer)
		return;
	for (struct seal_key *k = atomic_load(&sealer->newest), *next; k; k = next) {
		next = k->next;
		sodium_memzero(k, sizeof *k);
		xfree(k);
	}
	pthread_mutex_destroy(&sealer->rotating);
	sodium_memzero(sealer, sizeof *sealer);
	xfree(sealer);
	s->sealer = NULL;
}

/* --- sealed texts --- */

/* What a sealed text is bound to: its own head up to the nonce, its project, its type. */
struct seal_bound {
	uint8_t bytes[NONCE_AT + 8 + TYPE_MAX];
	size_t n;
};

static struct seal_bound seal_bound(const uint8_t *head, int64_t project, struct str type)
{
	struct seal_bound b = {.n = NONCE_AT + 8 + type.n};
	assert(type.n <= TYPE_MAX);
	memcpy(b.bytes, head, NONCE_AT);
	put_u32(b.bytes + NONCE_AT, (uint32_t)((uint64_t)project >> 32));
	put_u32(b.bytes + NONCE_AT + 4, (uint32_t)project);
	memcpy(b.bytes + NONCE_AT + 8, type.p, type.n);
	return b;
}

struct str seal_text(const struct store *s, int64_t project, struct str type, struct str plain, struct arena *a)
{
	const struct seal_key *k = atomic_load(&s->sealer->newest);
	size_t n = HEAD + plain.n + TAG;
	uint8_t *raw = xalloc(n);
	raw[0] = VERSION;
	put_u32(raw + KEY_AT, k->id);
	randombytes_buf(raw + NONCE_AT, NONCE);
	struct seal_bound b = seal_bound(raw, project, type);
	crypto_aead_xchacha20poly1305_ietf_encrypt(raw + HEAD, NULL, (const uint8_t *)plain.p, plain.n, b.bytes, b.n,
						   NULL, raw + NONCE_AT, k->key);
	size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *text = arena_bytes(a, room);
	sodium_bin2base64(text, room, raw, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	xfree(raw);
	return (struct str){text, room - 1};
}

static const struct seal_key *key_find(const struct store *s, uint32_t id)
{
	const struct seal_key *k = atomic_load(&s->sealer->newest);
	while (k && k->id != id)
		k = k->next;
	return k;
}

/* In OpenAI's words up to the reason. */
static bool seal_refuse(struct str sealed, const char *reason, struct err *e)
{
	size_t n = sealed.n < 4 ? sealed.n : 4;
	return fail(e, ERR_ENCRYPTED_CONTENT, NULL,
		    "The encrypted content %.*s...%.*s could not be verified. Reason: %s", (int)n, sealed.p, (int)n,
		    sealed.p + sealed.n - n, reason);
}

static bool open_raw(const struct store *s, int64_t project, struct str type, struct str sealed, uint8_t *raw, size_t n,
		     struct arena *a, struct str *ret, struct err *e)
{
	unsigned long long got;
	if (n < HEAD + TAG || raw[0] != VERSION || type.n > TYPE_MAX)
		return seal_refuse(sealed, "It was not made by this server.", e);
	const struct seal_key *k = key_find(s, get_u32(raw + KEY_AT));
	if (!k)
		return seal_refuse(sealed, "It was made with a key that this server does not have.", e);
	struct seal_bound b = seal_bound(raw, project, type);
	char *plain = arena_bytes(a, n - HEAD - TAG + 1);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)plain, &got, NULL, raw + HEAD, n - HEAD, b.bytes, b.n,
						       raw + NONCE_AT, k->key))
		return seal_refuse(sealed, "It was changed, or it was made for another project.", e);
	*ret = (struct str){plain, (size_t)got};
	return true;
}

static bool all_ascii(struct str s)
{
	uint8_t any = 0;
	for (size_t i = 0; i < s.n; i++)
		any |= (uint8_t)s.p[i];
	return any < 0x80;
}

bool seal_open(const struct store *s, int64_t project, struct str type, struct str sealed, struct arena *a,
	       struct str *ret, struct err *e)
{
	size_t room = sealed.n / 4 * 3 + 3, n;
	uint8_t *raw = xalloc(room);
	bool ok;
	/* Strict: no padding, no blanks, no stray bits at the end, so that every character counts. libsodium takes
	 * bytes beyond ASCII for letters (seen with 1.0.18). */
	if (!all_ascii(sealed) ||
	    sodium_base642bin(raw, room, sealed.p, sealed.n, NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING))
		ok = seal_refuse(sealed, "It was not made by this server.", e);
	else
		ok = open_raw(s, project, type, sealed, raw, n, a, ret, e);
	xfree(raw);
	return ok;
}
