/* runs.c - the background runs of this process. One lock, held for moments; loops are woken by posts. */
#include "news/runs.h"

#include <pthread.h>

#include "door/options.h"
#include "base/arena.h"
#include "base/map.h"

/* On the heap: a post cannot be cancelled, so the wake outlives its watch while one is under way. */
struct run_wake {
	struct post post;
	struct run_wake *next;
	struct runs *owner;
	struct watched *run;
	struct run_watch *watch; /* NULL: stopped meanwhile; its loop alone looks */
	struct loop *loop;
	unsigned kinds;
	bool posted;
};

/* A run that is worked on or watched. */
struct watched {
	int64_t key, project;
	struct run_wake *wakes;
	bool taken, cancelled;
};

/* How many of a project run. */
struct project_count {
	int64_t project, n;
};

struct runs {
	pthread_mutex_t lock;
	struct map runs, projects;
	int64_t n_taken;
	int64_t turn; /* the project that got a place last */
};

static struct str key_of(const int64_t *key)
{
	return (struct str){(const char *)key, sizeof *key};
}

struct runs *runs_new(void)
{
	struct runs *rs = xalloc(sizeof *rs);
	pthread_mutex_init(&rs->lock, NULL);
	return rs;
}

void runs_free(struct runs *rs)
{
	size_t at = 0;
	void *v;
	while ((v = map_next(&rs->runs, &at)))
		xfree(v);
	for (at = 0; (v = map_next(&rs->projects, &at));)
		xfree(v);
	map_release(&rs->runs);
	map_release(&rs->projects);
	pthread_mutex_destroy(&rs->lock);
	xfree(rs);
}

/* --- with the lock held --- */

static struct watched *obtain(struct runs *rs, int64_t key)
{
	struct watched *w = map_get(&rs->runs, key_of(&key));
	if (w)
		return w;
	w = xalloc(sizeof *w);
	w->key = key;
	map_put(&rs->runs, key_of(&w->key), w);
	return w;
}

static void forget(struct runs *rs, struct watched *w)
{
	if (w->taken || w->wakes)
		return;
	map_del(&rs->runs, key_of(&w->key));
	xfree(w);
}

static int64_t room_of(struct runs *rs, int64_t project)
{
	const struct project_count *c = map_get(&rs->projects, key_of(&project));
	int64_t own = api_limits.background_project - (c ? c->n : 0), all = api_limits.background_running - rs->n_taken;
	return own < all ? own : all;
}

static void count(struct runs *rs, int64_t project, int64_t by)
{
	struct project_count *c = map_get(&rs->projects, key_of(&project));
	if (!c) {
		c = xalloc(sizeof *c);
		c->project = project;
		map_put(&rs->projects, key_of(&c->project), c);
	}
	rs->n_taken += by;
	c->n += by;
	if (!c->n) {
		map_del(&rs->projects, key_of(&project));
		xfree(c);
	}
}

static void tell(struct watched *w, unsigned kind)
{
	for (struct run_wake *k = w->wakes; k; k = k->next)
		if (k->kinds & kind && !k->posted) {
			k->posted = true;
			loop_post(k->loop, &k->post);
		}
}

/* --- workers --- */

bool runs_take(struct runs *rs, int64_t key, int64_t project, bool urgent)
{
	pthread_mutex_lock(&rs->lock);
	struct watched *w = map_get(&rs->runs, key_of(&key));
	bool ok = !(w && w->taken) && (urgent || room_of(rs, project) > 0);
	if (ok) {
		w = obtain(rs, key);
		w->taken = true;
		w->project = project;
		count(rs, project, 1);
		if (!urgent)
			rs->turn = project;
	}
	pthread_mutex_unlock(&rs->lock);
	return ok;
}

void runs_give_back(struct runs *rs, int64_t key)
{
	pthread_mutex_lock(&rs->lock);
	struct watched *w = map_get(&rs->runs, key_of(&key));
	if (w && w->taken) {
		w->taken = false;
		count(rs, w->project, -1);
		tell(w, RUN_NEWS);
		forget(rs, w);
	}
	pthread_mutex_unlock(&rs->lock);
}

int64_t runs_room(struct runs *rs, int64_t project)
{
	pthread_mutex_lock(&rs->lock);
	int64_t n = room_of(rs, project);
	pthread_mutex_unlock(&rs->lock);
	return n;
}

int64_t runs_free_places(struct runs *rs, int64_t *turn)
{
	pthread_mutex_lock(&rs->lock);
	int64_t n = api_limits.background_running - rs->n_taken;
	*turn = rs->turn;
	pthread_mutex_unlock(&rs->lock);
	return n > 0 ? n : 0;
}

/* --- news --- */

static void on_wake(struct post *post)
{
	struct run_wake *k = OWNER(post, struct run_wake, post);
	struct run_watch *watch = k->watch;
	if (!watch) {
		xfree(k);
		return;
	}
	pthread_mutex_lock(&k->owner->lock);
	k->posted = false;
	pthread_mutex_unlock(&k->owner->lock);
	watch->woken(watch);
}

void run_watch_start(struct runs *rs, int64_t key, unsigned kinds, struct loop *l, struct run_watch *w,
		     void (*woken)(struct run_watch *))
{
	struct run_wake *k = xalloc(sizeof *k);
	*k = (struct run_wake){.post.run = on_wake, .owner = rs, .watch = w, .loop = l, .kinds = kinds};
	*w = (struct run_watch){woken, k};
	pthread_mutex_lock(&rs->lock);
	k->run = obtain(rs, key);
	k->next = k->run->wakes;
	k->run->wakes = k;
	pthread_mutex_unlock(&rs->lock);
}

void run_watch_stop(struct run_watch *w)
{
	struct run_wake *k = w->wake;
	if (!k)
		return;
	struct runs *rs = k->owner;
	pthread_mutex_lock(&rs->lock);
	struct run_wake **at = &k->run->wakes;
	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	forget(rs, k->run);
	bool posted = k->posted;
	k->watch = NULL;
	pthread_mutex_unlock(&rs->lock);
	if (!posted)
		xfree(k); /* else on_wake() does */
	w->wake = NULL;
}

void runs_tell(struct runs *rs, int64_t key, unsigned kind)
{
	pthread_mutex_lock(&rs->lock);
	struct watched *w = map_get(&rs->runs, key_of(&key));
	if (w) {
		w->cancelled |= kind == RUN_CANCEL;
		tell(w, kind);
	}
	pthread_mutex_unlock(&rs->lock);
}

bool runs_cancelled(struct runs *rs, int64_t key)
{
	pthread_mutex_lock(&rs->lock);
	struct watched *w = map_get(&rs->runs, key_of(&key));
	bool is = w && w->cancelled;
	pthread_mutex_unlock(&rs->lock);
	return is;
}
