/* fetch_keep.c - libcurl's handles with their open connections, a few a thread. */
#include "net/fetch_keep.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"

enum { KEPT = 4 };

struct kept {
	CURL *h; /* NULL: free */
	char *word;
	size_t n;
	const struct guard *guard;
	unsigned long used;
};
struct keeper {
	const struct curl *curl;
	struct kept rows[KEPT];
	unsigned long clock;
};

static pthread_key_t keeper_key;

static void kept_drop(const struct curl *c, struct kept *k)
{
	if (k->h)
		c->easy_cleanup(k->h);
	xfree(k->word);
	*k = (struct kept){0};
}

static void keeper_free(void *at)
{
	struct keeper *k = at;
	for (int i = 0; i < KEPT; i++)
		kept_drop(k->curl, &k->rows[i]);
	xfree(k);
}

static void make_key(void)
{
	pthread_key_create(&keeper_key, keeper_free);
}

static struct keeper *keeper(const struct curl *c)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_key);
	struct keeper *k = pthread_getspecific(keeper_key);
	if (!k) {
		k = xalloc(sizeof *k);
		k->curl = c;
		pthread_setspecific(keeper_key, k);
	}
	return k;
}

CURL *keep_take(const struct curl *c, struct str word, const struct guard *guard)
{
	struct keeper *k = word.n ? keeper(c) : NULL;
	for (int i = 0; k && i < KEPT; i++) {
		struct kept *row = &k->rows[i];
		if (!row->h || row->guard != guard || !str_eq((struct str){row->word, row->n}, word))
			continue;
		CURL *h = row->h;
		row->h = NULL; /* so that a request from within this one finds another */
		kept_drop(c, row);
		c->easy_reset(h);
		return h;
	}
	return c->easy_init();
}

void keep_give(const struct curl *c, struct str word, const struct guard *guard, CURL *h)
{
	struct kept *oldest;
	if (!word.n) {
		c->easy_cleanup(h);
		return;
	}
	struct keeper *k = keeper(c);
	oldest = &k->rows[0];
	for (int i = 1; i < KEPT; i++)
		if (!k->rows[i].h || (oldest->h && k->rows[i].used < oldest->used))
			oldest = &k->rows[i];
	kept_drop(c, oldest);
	/* It must forget what lies in the asker's arena. */
	c->easy_reset(h);
	*oldest = (struct kept){.h = h, .word = xalloc(word.n), .n = word.n, .guard = guard, .used = ++k->clock};
	memcpy(oldest->word, word.p, word.n);
}
