/* seal.c - text that clients keep for us: the key ring and the sealing. */
#include "store/seal.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "store/request.h"
#include "store/seal_bytes.h"
#include "store/seal_secret.h"
#include "base/log.h"
#include "store/nodes.h"
#include "store/sealed.h"

enum { VERSION = 1, KEY = SEAL_KEY, NONCE = SEAL_NONCE, TYPE_MAX = 64 };

/* --- the ring --- */

/* What a wrapped key is bound to: that it is one, and its place. */
struct wrap_bound {
	char what[16];
	uint8_t id[4];
};

static struct wrap_bound wrap_bound(const struct seal_key *k)
{
	struct wrap_bound b = {.what = "antiphon sealkey"};
	seal_put_u32(b.id, k->id);
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
	return !crypto_aead_xchacha20poly1305_ietf_decrypt(k->key, NULL, NULL, k->wrapped + NONCE, KEY + SEAL_TAG,
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
	if (cells[2].s.n == SEAL_WRAPPED)
		memcpy(k->wrapped, cells[2].s.p, SEAL_WRAPPED);
	key_push(ctx, k);
	return true;
}

static bool load_keys(struct db_reader *r, void *ctx, struct err *e)
{
	struct store *s = ctx;
	return sealed_query(s, r, STMT_SEAL_LIST, NULL, 0, seal_on_key, s->sealer, e);
}

/* A key that another node has made. */
static bool seal_on_newer(void *ctx, const struct cell *cells)
{
	struct sealer *sealer = ctx;
	const struct seal_key *newest = atomic_load(&sealer->newest);
	struct seal_key *k;
	if (!newest || cells[0].i <= (int64_t)newest->id || cells[2].s.n != SEAL_WRAPPED)
		return true;
	k = xalloc(sizeof *k);
	k->id = (uint32_t)cells[0].i;
	k->created_at = cells[1].i;
	memcpy(k->wrapped, cells[2].s.p, SEAL_WRAPPED);
	if (key_unwrap(k, sealer->master)) {
		key_push(sealer, k);
	} else {
		log_at(LOG_ERROR, "another node's key does not open here", "mend=\"the same ANTIPHON_MASTER_SECRET on all nodes\"");
		xfree(k);
	}
	return true;
}

static bool load_newer(struct db_reader *r, void *ctx, struct err *e)
{
	struct store *s = ctx;
	return sealed_query(s, r, STMT_SEAL_LIST, NULL, 0, seal_on_newer, s->sealer, e);
}

bool seal_refresh(struct store *s)
{
	struct err e = {0};
	if (!s->sealer)
		return true;
	pthread_mutex_lock(&s->sealer->rotating);
	bool ok = s->driver->read(s->reader, load_newer, s, &e);
	pthread_mutex_unlock(&s->sealer->rotating);
	if (!ok)
		log_at(LOG_ERROR, "a key that another node made is not known yet", "reason=\"%s\"", e.msg);
	return ok;
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
	if (ok)
		store_tell(s, WORD_SEALS, 0);
	return ok;
}

/* From here on sealed rows may stand beside others (reseal.h). */
static bool seal_mixed(struct store *s, struct err *e)
{
	if (!s->sealer->encrypts)
		return true;
	struct store_request *r = request_new(NULL, NULL, 1, 2, 16);
	ADD(r, STMT_META_SEALS, BLOB(S("mixed")), BLOB(S("0")));
	return store_write(s, r, e);
}

bool seal_start(struct store *s, const struct seal_options *o, struct err *e)
{
	assert(!s->sealer);
	struct sealer *sealer = s->sealer = xalloc(sizeof *s->sealer);
	pthread_mutex_init(&sealer->rotating, NULL);
	sealer->encrypts = store_limits.encrypt;
	if (!s->driver->read(s->reader, load_keys, s, e))
		return false;
	const struct seal_key *newest = atomic_load(&sealer->newest);
	if (o->only_open && !newest)
		return true; /* nothing is sealed in it */
	if (!master_secret(o, newest == NULL, sealer->master, e) || !unwrap_all(sealer, o, e))
		return false;
	if (o->only_open)
		return true;
	int64_t days = store_limits.seal_days;
	bool old = newest && days && clock_wall_s() - newest->created_at > days * 86400;
	return ((newest && !old) || seal_rotate(s, e)) && seal_mixed(s, e);
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

/* A text's project and type. */
struct seal_place {
	char bytes[8 + TYPE_MAX];
	size_t n;
};

static struct seal_place seal_place(int64_t project, struct str type)
{
	struct seal_place at = {.n = 8 + type.n};
	assert(type.n <= TYPE_MAX);
	seal_put_u32((uint8_t *)at.bytes, (uint32_t)((uint64_t)project >> 32));
	seal_put_u32((uint8_t *)at.bytes + 4, (uint32_t)project);
	memcpy(at.bytes + 8, type.p, type.n);
	return at;
}

struct str seal_text(const struct store *s, int64_t project, struct str type, struct str plain, struct arena *a)
{
	size_t n = SEAL_EXTRA + plain.n;
	char *raw = xalloc(n);
	struct seal_place at = seal_place(project, type);
	seal_bytes(s, VERSION, (struct str){at.bytes, at.n}, plain, raw);
	size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *text = arena_bytes(a, room);
	sodium_bin2base64(text, room, (const uint8_t *)raw, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	xfree(raw);
	return (struct str){text, room - 1};
}

/* In OpenAI's words up to the reason. */
static bool seal_refuse(struct str sealed, const char *reason, struct err *e)
{
	size_t n = sealed.n < 4 ? sealed.n : 4;
	return fail(e, ERR_ENCRYPTED_CONTENT, NULL,
		    "The encrypted content %.*s...%.*s could not be verified. Reason: %s", (int)n, sealed.p, (int)n,
		    sealed.p + sealed.n - n, reason);
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
	size_t room = sealed.n / 4 * 3 + 3, n = 0;
	char *raw = xalloc(room), *plain = arena_bytes(a, room);
	const char *why = "It was not made by this server.";
	/* Strict: no padding, no blanks, no stray bits at the end, so that every character counts. libsodium takes
	 * bytes beyond ASCII for letters (seen with 1.0.18). */
	if (type.n <= TYPE_MAX && all_ascii(sealed) &&
	    !sodium_base642bin((uint8_t *)raw, room, sealed.p, sealed.n, NULL, &n, NULL,
			       sodium_base64_VARIANT_URLSAFE_NO_PADDING)) {
		struct seal_place at = seal_place(project, type);
		why = seal_bytes_open(s, VERSION, (struct str){at.bytes, at.n}, (struct str){raw, n}, plain);
	}
	xfree(raw);
	if (why)
		return seal_refuse(sealed, why, e);
	*ret = (struct str){plain, n - SEAL_EXTRA};
	return true;
}
