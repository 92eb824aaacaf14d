/* run_news.c - news of background runs. One lock, held for moments. */
#include "news/run_news.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/map.h"

/* A run that is held or watched. */
struct run_topic {
	int64_t key;
	struct watches watches;
	unsigned held;
	bool cancelled;
};

struct run_news {
	pthread_mutex_t lock;
	struct map topics;
	void (*far)(void *ctx, int64_t key, unsigned kind); /* NULL: there is nobody else */
	void *far_ctx;
};

static struct str run_news_key_of(const int64_t *key)
{
	return (struct str){(const char *)key, sizeof *key};
}

struct run_news *run_news_new(void)
{
	struct run_news *n = xalloc(sizeof *n);
	pthread_mutex_init(&n->lock, NULL);
	return n;
}

void run_news_free(struct run_news *n)
{
	size_t at = 0;
	void *v;
	while ((v = map_next(&n->topics, &at)))
		xfree(v);
	map_release(&n->topics);
	pthread_mutex_destroy(&n->lock);
	xfree(n);
}

/* --- with the lock held --- */

static struct run_topic *obtain(struct run_news *n, int64_t key)
{
	struct run_topic *t = map_get(&n->topics, run_news_key_of(&key));
	if (t)
		return t;
	t = xalloc(sizeof *t);
	t->key = key;
	map_put(&n->topics, run_news_key_of(&t->key), t);
	return t;
}

static void run_news_forget(struct run_news *n, struct run_topic *t)
{
	if (t->held || t->watches.first)
		return;
	map_del(&n->topics, run_news_key_of(&t->key));
	xfree(t);
}

/* --- for all --- */

static void run_news_on_told(struct watch *watch)
{
	struct run_watch *w = OWNER(watch, struct run_watch, watch);
	w->woken(w);
}

void run_watch_start(struct run_news *n, int64_t key, unsigned kinds, struct loop *l, struct run_watch *w,
		     void (*woken)(struct run_watch *))
{
	pthread_mutex_lock(&n->lock);
	*w = (struct run_watch){.woken = woken, .news = n, .topic = obtain(n, key)};
	watch_start(&w->topic->watches, l, kinds, &w->watch, run_news_on_told);
	pthread_mutex_unlock(&n->lock);
}

void run_watch_stop(struct run_watch *w)
{
	struct run_news *n = w->news;
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	watch_stop(&w->topic->watches, &w->watch);
	run_news_forget(n, w->topic);
	pthread_mutex_unlock(&n->lock);
	w->news = NULL;
}

void run_news_far(struct run_news *n, void (*far)(void *ctx, int64_t key, unsigned kind), void *ctx)
{
	n->far_ctx = ctx;
	n->far = far;
}

void run_tell(struct run_news *n, int64_t key, unsigned kind)
{
	run_heard(n, key, kind);
	if (n->far)
		n->far(n->far_ctx, key, kind);
}

void run_heard_any(struct run_news *n)
{
	size_t at = 0;
	struct run_topic *t;
	pthread_mutex_lock(&n->lock);
	while ((t = map_next(&n->topics, &at)))
		watches_tell(&t->watches, RUN_NEWS);
	pthread_mutex_unlock(&n->lock);
}

void run_heard(struct run_news *n, int64_t key, unsigned kind)
{
	pthread_mutex_lock(&n->lock);
	struct run_topic *t = map_get(&n->topics, run_news_key_of(&key));
	if (t) {
		t->cancelled |= kind == RUN_CANCEL;
		watches_tell(&t->watches, kind);
	}
	pthread_mutex_unlock(&n->lock);
}

bool run_cancelled(struct run_news *n, int64_t key)
{
	pthread_mutex_lock(&n->lock);
	const struct run_topic *t = map_get(&n->topics, run_news_key_of(&key));
	bool is = t && t->cancelled;
	pthread_mutex_unlock(&n->lock);
	return is;
}

void run_news_hold(struct run_news *n, int64_t key)
{
	pthread_mutex_lock(&n->lock);
	obtain(n, key)->held++;
	pthread_mutex_unlock(&n->lock);
}

void run_news_drop(struct run_news *n, int64_t key)
{
	pthread_mutex_lock(&n->lock);
	struct run_topic *t = obtain(n, key);
	t->held -= t->held > 0;
	run_news_forget(n, t);
	pthread_mutex_unlock(&n->lock);
}
