/* webhook_sign.c - signing secrets and signatures of webhooks. */
#include "webhooks/webhook_sign.h"

#include <sodium.h>

enum { SECRET_BYTES = 32, SECRET_MOST = 64, SHOWN = 4 };

static const struct str prefix = STR("whsec_");

static struct str webhook_sign_base64(struct arena *a, struct str before, const uint8_t *bytes, size_t n)
{
	char text[sodium_base64_ENCODED_LEN(SECRET_MOST, sodium_base64_VARIANT_ORIGINAL)];
	sodium_bin2base64(text, sizeof text, bytes, n, sodium_base64_VARIANT_ORIGINAL);
	return str_fmt(a, "%.*s%s", FMT(before), text);
}

struct str webhook_secret_make(struct arena *a)
{
	uint8_t bytes[SECRET_BYTES];
	randombytes_buf(bytes, sizeof bytes);
	return webhook_sign_base64(a, prefix, bytes, sizeof bytes);
}

struct str webhook_secret_hint(struct arena *a, struct str secret)
{
	struct str end = secret.n > prefix.n + SHOWN ? (struct str){secret.p + secret.n - SHOWN, SHOWN} : S("");
	return str_fmt(a, "%.*s...%.*s", FMT(prefix), FMT(end));
}

struct str webhook_sign(struct arena *a, struct str secret, struct str id, int64_t timestamp, struct str body)
{
	uint8_t key[SECRET_MOST], mac[crypto_auth_hmacsha256_BYTES];
	size_t n = 0;
	if (!str_starts(secret, prefix) ||
	    sodium_base642bin(key, sizeof key, secret.p + prefix.n, secret.n - prefix.n, NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) ||
	    !n)
		return (struct str){0};
	struct str head = str_fmt(a, "%.*s.%lld.", FMT(id), (long long)timestamp);
	crypto_auth_hmacsha256_state st;
	crypto_auth_hmacsha256_init(&st, key, n);
	crypto_auth_hmacsha256_update(&st, (const uint8_t *)head.p, head.n);
	crypto_auth_hmacsha256_update(&st, (const uint8_t *)body.p, body.n);
	crypto_auth_hmacsha256_final(&st, mac);
	sodium_memzero(key, sizeof key);
	sodium_memzero(&st, sizeof st);
	return webhook_sign_base64(a, S("v1,"), mac, sizeof mac);
}
