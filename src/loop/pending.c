/* pending.c - memory is given back with nothing pending in it. */
#include "loop/pending.h"

#ifdef __SANITIZE_ADDRESS__
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

enum { MOST = 4096 }; /* of posts and jobs at a time; more are not watched */

static _Thread_local struct loop *here;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const void *moving[MOST];
static size_t n_moving;

static const char *moving_in(const char *from, const char *to)
{
	bool found = false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_moving && !found; i++)
		found = (const char *)moving[i] >= from && (const char *)moving[i] < to;
	pthread_mutex_unlock(&lock);
	return found ? "job or post" : NULL;
}

static void on_release(const void *p, size_t n)
{
	const char *from = p, *what = here ? loop_pending_in(here, from, from + n) : NULL;
	if (!what)
		what = moving_in(from, from + n);
	if (!what)
		return;
	fprintf(stderr, "antiphon: memory is given back in which a %s is pending\n", what);
	abort();
}

void pending_watch(struct loop *l)
{
	here = l;
	memory_watch = on_release;
}

void pending_add(const void *op)
{
	pthread_mutex_lock(&lock);
	if (n_moving < MOST)
		moving[n_moving++] = op;
	pthread_mutex_unlock(&lock);
}

void pending_remove(const void *op)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_moving; i++)
		if (moving[i] == op) {
			moving[i] = moving[--n_moving];
			break;
		}
	pthread_mutex_unlock(&lock);
}
#else
void pending_watch(struct loop *l)
{
	(void)l;
}

void pending_add(const void *op)
{
	(void)op;
}

void pending_remove(const void *op)
{
	(void)op;
}
#endif
