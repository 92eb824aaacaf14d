/* runs.c - which background runs this process works on, and how many at once. */
#include "background/runs.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/map.h"
#include "door/options.h"
#include "measure/measure.h"

struct taken {
	int64_t key, project;
};

/* How many of a project run. */
struct project_count {
	int64_t project, n;
};

struct runs {
	pthread_mutex_t lock;
	struct run_news *news;
	struct map taken, projects;
	int64_t n_taken;
	int64_t turn; /* the project that got a place last */
};

static struct str runs_key_of(const int64_t *key)
{
	return (struct str){(const char *)key, sizeof *key};
}

struct runs *runs_new(struct run_news *news)
{
	struct runs *rs = xalloc(sizeof *rs);
	pthread_mutex_init(&rs->lock, NULL);
	rs->news = news;
	return rs;
}

void runs_free(struct runs *rs)
{
	size_t at = 0;
	void *v;
	while ((v = map_next(&rs->taken, &at)))
		xfree(v);
	for (at = 0; (v = map_next(&rs->projects, &at));)
		xfree(v);
	map_release(&rs->taken);
	map_release(&rs->projects);
	pthread_mutex_destroy(&rs->lock);
	xfree(rs);
}

/* --- with the lock held --- */

static int64_t runs_room_of(struct runs *rs, int64_t project)
{
	const struct project_count *c = map_get(&rs->projects, runs_key_of(&project));
	int64_t own = api_limits.background_project - (c ? c->n : 0), all = api_limits.background_running - rs->n_taken;
	return own < all ? own : all;
}

static void runs_count(struct runs *rs, int64_t project, int64_t by)
{
	struct project_count *c = map_get(&rs->projects, runs_key_of(&project));
	if (!c) {
		c = xalloc(sizeof *c);
		c->project = project;
		map_put(&rs->projects, runs_key_of(&c->project), c);
	}
	rs->n_taken += by;
	MEASURE(BACKGROUND_RUNS, by, 0);
	c->n += by;
	if (!c->n) {
		map_del(&rs->projects, runs_key_of(&project));
		xfree(c);
	}
}

static bool take(struct runs *rs, int64_t key, int64_t project, bool urgent)
{
	if (map_get(&rs->taken, runs_key_of(&key)) || (!urgent && runs_room_of(rs, project) <= 0))
		return false;
	struct taken *t = xalloc(sizeof *t);
	*t = (struct taken){key, project};
	map_put(&rs->taken, runs_key_of(&t->key), t);
	runs_count(rs, project, 1);
	if (!urgent)
		rs->turn = project;
	return true;
}

/* --- for all --- */

bool runs_take(struct runs *rs, int64_t key, int64_t project, bool urgent)
{
	pthread_mutex_lock(&rs->lock);
	bool ok = take(rs, key, project, urgent);
	if (ok)
		run_news_hold(rs->news, key);
	pthread_mutex_unlock(&rs->lock);
	return ok;
}

void runs_give_back(struct runs *rs, int64_t key)
{
	pthread_mutex_lock(&rs->lock);
	struct taken *t = map_get(&rs->taken, runs_key_of(&key));
	if (t) {
		map_del(&rs->taken, runs_key_of(&key));
		runs_count(rs, t->project, -1);
		xfree(t);
		run_tell(rs->news, key, RUN_NEWS);
		run_news_drop(rs->news, key);
	}
	pthread_mutex_unlock(&rs->lock);
}

const struct run_room *runs_rooms(struct runs *rs, struct arena *a, size_t *n, int64_t *others)
{
	const struct project_count *c;
	size_t at = 0;
	int64_t none = -1; /* no project's */
	pthread_mutex_lock(&rs->lock);
	struct run_room *rooms = new_array(a, struct run_room, rs->projects.n + 1);
	for (*n = 0; (c = map_next(&rs->projects, &at)); (*n)++)
		rooms[*n] = (struct run_room){c->project, runs_room_of(rs, c->project)};
	*others = runs_room_of(rs, none);
	pthread_mutex_unlock(&rs->lock);
	return rooms;
}

int64_t runs_free_places(struct runs *rs, int64_t *turn)
{
	pthread_mutex_lock(&rs->lock);
	int64_t n = api_limits.background_running - rs->n_taken;
	*turn = rs->turn;
	pthread_mutex_unlock(&rs->lock);
	return n > 0 ? n : 0;
}
