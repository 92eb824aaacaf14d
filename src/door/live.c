/* live.c - the turns and chat completions that run at this moment. */
#include "door/live.h"

#include <pthread.h>

#include "base/clock.h"

static struct {
	pthread_mutex_t lock;
	struct live *first, *last; /* in the order of their begin */
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

void live_add(struct live *l)
{
	pthread_mutex_lock(&all.lock);
	l->prev = all.last;
	if (l->prev)
		l->prev->next = l;
	else
		all.first = l;
	all.last = l;
	pthread_mutex_unlock(&all.lock);
}

void live_model(struct live *l, struct str model)
{
	pthread_mutex_lock(&all.lock);
	l->model = model;
	pthread_mutex_unlock(&all.lock);
}

void live_remove(struct live *l)
{
	if (!l->phases)
		return;
	pthread_mutex_lock(&all.lock);
	if (l->prev)
		l->prev->next = l->next;
	else
		all.first = l->next;
	if (l->next)
		l->next->prev = l->prev;
	else
		all.last = l->prev;
	pthread_mutex_unlock(&all.lock);
}

void live_write(struct jout *o, size_t most)
{
	int64_t now = clock_mono_us();
	jo_arr(o);
	pthread_mutex_lock(&all.lock);
	for (const struct live *l = all.first; l && most; l = l->next, most--) {
		jo_obj(o);
		jo_kstr(o, "id", l->id);
		jo_kstr(o, "kind", l->kind);
		jo_kstr(o, "model", l->model);
		jo_kstr(o, "phase", phase_names[phases_now(l->phases)]);
		jo_knum(o, "seconds", (double)(now - l->phases->began_us) / 1e6);
		jo_kint(o, "pieces", atomic_load_explicit(&l->phases->pieces, memory_order_relaxed));
		jo_obj_end(o);
	}
	pthread_mutex_unlock(&all.lock);
	jo_arr_end(o);
}
