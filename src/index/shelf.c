/* shelf.c - the open indexes of vector stores. */
#include "index/shelf.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "index/index_limits.h"
#include "store/vector_queue.h"

struct place {
	struct place *next;
	int64_t store, used_us;
	struct store_index *index;
	size_t users;
	bool opening;
};

struct shelf {
	struct store *store;
	struct arena arena;
	struct str dir;
	pthread_mutex_t lock;
	pthread_cond_t opened;
	struct place *places;
};

static struct str shelf_path(struct arena *a, const struct shelf *s, int64_t store)
{
	return str_fmt(a, "%.*s/%lld.db", FMT(s->dir), (long long)store);
}

bool shelf_new(struct store *store, struct str dir, struct shelf **ret, struct err *e)
{
	struct shelf *s = xalloc(sizeof *s);
	s->store = store;
	s->dir = str_fmt(&s->arena, "%.*s/index", FMT(dir));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->opened, NULL);
	if (mkdir(s->dir.p, 0700) != 0 && errno != EEXIST) {
		fail(e, ERR_CONFIG, NULL, "could not make %.*s: %s", FMT(s->dir), strerror(errno));
		shelf_free(s);
		return false;
	}
	*ret = s;
	return true;
}

void shelf_free(struct shelf *s)
{
	if (!s)
		return;
	while (s->places) {
		struct place *p = s->places;
		s->places = p->next;
		store_index_close(p->index);
		xfree(p);
	}
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->opened);
	arena_free(&s->arena);
	xfree(s);
}

static struct place **shelf_find(struct shelf *s, int64_t store)
{
	struct place **at = &s->places;
	while (*at && (*at)->store != store)
		at = &(*at)->next;
	return at;
}

/* Without the lock: a large one takes a while. */
static bool open_index(struct shelf *s, int64_t store, struct store_index **ret, struct err *e)
{
	struct arena tmp = {0};
	bool lost = false, ok = store_index_open(shelf_path(&tmp, s, store), ret, &lost, e);
	arena_free(&tmp);
	if (ok && lost && !vector_queue_again(s->store, store, e)) {
		store_index_close(*ret);
		ok = false;
	}
	return ok;
}

bool shelf_take(struct shelf *s, int64_t store, struct store_index **ret, struct err *e)
{
	bool ok = true;
	pthread_mutex_lock(&s->lock);
	struct place *p;
	while ((p = *shelf_find(s, store)) && p->opening)
		pthread_cond_wait(&s->opened, &s->lock);
	if (!p) {
		p = xalloc(sizeof *p);
		*p = (struct place){.next = s->places, .store = store, .opening = true};
		s->places = p;
		pthread_mutex_unlock(&s->lock);
		ok = open_index(s, store, &p->index, e);
		pthread_mutex_lock(&s->lock);
		p->opening = false;
		pthread_cond_broadcast(&s->opened);
	}
	if (ok) {
		p->users++;
		*ret = p->index;
	} else {
		*shelf_find(s, store) = p->next;
		xfree(p);
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void shelf_give(struct shelf *s, int64_t store)
{
	pthread_mutex_lock(&s->lock);
	struct place *p = *shelf_find(s, store);
	p->users--;
	p->used_us = clock_mono_us();
	pthread_mutex_unlock(&s->lock);
}

/* Under the lock. */
static void close_place(struct place **at)
{
	struct place *p = *at;
	*at = p->next;
	store_index_close(p->index);
	xfree(p);
}

bool shelf_remove(struct shelf *s, int64_t store)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-signs"};
	struct arena tmp = {0};
	pthread_mutex_lock(&s->lock);
	struct place **at = shelf_find(s, store);
	bool free = !*at || (!(*at)->users && !(*at)->opening);
	if (free && *at)
		close_place(at);
	for (size_t i = 0; free && i < sizeof ends / sizeof *ends; i++)
		unlink(str_fmt(&tmp, "%.*s%s", FMT(shelf_path(&tmp, s, store)), ends[i]).p);
	pthread_mutex_unlock(&s->lock);
	arena_free(&tmp);
	return free;
}

void shelf_trim(struct shelf *s)
{
	int64_t now = clock_mono_us();
	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct place **oldest = NULL;
		size_t bytes = 0;
		for (struct place **at = &s->places; *at; at = &(*at)->next) {
			struct place *p = *at;
			if (p->opening)
				continue;
			bytes += store_index_memory(p->index);
			if (!p->users && (!oldest || p->used_us < (*oldest)->used_us))
				oldest = at;
		}
		if (!oldest || ((int64_t)bytes <= index_limits.cache_bytes &&
				now - (*oldest)->used_us < index_limits.idle_seconds * 1000000))
			break;
		close_place(oldest);
	}
	pthread_mutex_unlock(&s->lock);
}

bool shelf_has(struct shelf *s, int64_t store)
{
	struct arena tmp = {0};
	bool there = access(shelf_path(&tmp, s, store).p, F_OK) == 0;
	arena_free(&tmp);
	return there;
}
