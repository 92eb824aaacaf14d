/* sign_in.c - who has signed in to the console with a browser. */
#include "door/sign_in.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"

enum { SECRET = 32 };

struct secret {
	unsigned char hash[crypto_hash_sha256_BYTES];
	int64_t until_s; /* 0: none */
};

struct sign_ins {
	pthread_mutex_t lock;
	struct secret links[SIGN_INS], sessions[SIGN_INS];
};

struct sign_ins *sign_ins_new(void)
{
	struct sign_ins *s = xalloc(sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void sign_ins_free(struct sign_ins *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	sodium_memzero(s, sizeof *s);
	xfree(s);
}

static void secret_hash(struct str text, unsigned char *hash)
{
	crypto_hash_sha256(hash, (const unsigned char *)text.p, text.n);
}

/* In the place of one that is over, else of the one that will be next. */
static void secret_add(struct secret *list, int64_t seconds, char *text)
{
	unsigned char bytes[SECRET];
	struct secret *oldest = list;
	for (int i = 1; i < SIGN_INS; i++)
		if (list[i].until_s < oldest->until_s)
			oldest = &list[i];
	randombytes_buf(bytes, sizeof bytes);
	sodium_bin2base64(text, SIGN_IN_TEXT, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	secret_hash(str_of(text), oldest->hash);
	oldest->until_s = clock_wall_s() + seconds;
}

/* Looks at all, whichever it is. */
static struct secret *secret_find(struct secret *list, struct str text)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	struct secret *found = NULL;
	int64_t now = clock_wall_s();
	secret_hash(text, hash);
	for (int i = 0; i < SIGN_INS; i++)
		if (!sodium_memcmp(hash, list[i].hash, sizeof hash) && list[i].until_s > now)
			found = &list[i];
	return found;
}

void sign_in_link(struct sign_ins *s, char ret[SIGN_IN_TEXT])
{
	pthread_mutex_lock(&s->lock);
	secret_add(s->links, SIGN_IN_LINK_SECONDS, ret);
	pthread_mutex_unlock(&s->lock);
}

void sign_in_open(struct sign_ins *s, char ret[SIGN_IN_TEXT])
{
	pthread_mutex_lock(&s->lock);
	secret_add(s->sessions, SIGN_IN_SECONDS, ret);
	pthread_mutex_unlock(&s->lock);
}

bool sign_in_take(struct sign_ins *s, struct str link, char ret[SIGN_IN_TEXT])
{
	pthread_mutex_lock(&s->lock);
	struct secret *found = secret_find(s->links, link);
	if (found) {
		*found = (struct secret){0};
		secret_add(s->sessions, SIGN_IN_SECONDS, ret);
	}
	pthread_mutex_unlock(&s->lock);
	return found != NULL;
}

bool sign_in_check(struct sign_ins *s, struct str session)
{
	if (!session.n)
		return false;
	pthread_mutex_lock(&s->lock);
	bool ok = secret_find(s->sessions, session) != NULL;
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void sign_in_end(struct sign_ins *s, struct str session)
{
	pthread_mutex_lock(&s->lock);
	struct secret *found = secret_find(s->sessions, session);
	if (found)
		*found = (struct secret){0};
	pthread_mutex_unlock(&s->lock);
}
