/* watch_test.c - wake-ups between loops: once for many, none after a stop, and from another thread. */
#include "news/watch.h"

#include <pthread.h>

#include "base/test.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct watches list;

struct waiter {
	struct watch watch;
	struct loop *loop;
	int n, until;
};

static void on_told(struct watch *w)
{
	struct waiter *v = OWNER(w, struct waiter, watch);
	if (++v->n >= v->until)
		loop_stop(v->loop);
}

static void begin(struct waiter *v, unsigned kinds, int until)
{
	struct err e = {0};
	*v = (struct waiter){.until = until};
	CHECK(loop_open(&v->loop, &e));
	pthread_mutex_lock(&lock);
	watch_start(&list, v->loop, kinds, &v->watch, on_told);
	pthread_mutex_unlock(&lock);
}

static void tell(unsigned kinds)
{
	pthread_mutex_lock(&lock);
	watches_tell(&list, kinds);
	pthread_mutex_unlock(&lock);
}

static void end(struct waiter *v)
{
	pthread_mutex_lock(&lock);
	watch_stop(&list, &v->watch);
	pthread_mutex_unlock(&lock);
	CHECK(!v->watch.wake);
}

/* What is under way arrives, then the loop ends. */
static void drain(struct waiter *v)
{
	loop_stop(v->loop);
	loop_run(v->loop);
	loop_close(v->loop);
}

static void what_is_told_often_wakes_once(void)
{
	struct waiter v;
	begin(&v, 1, 1);
	tell(2);
	tell(1);
	tell(1 | 2);
	loop_run(v.loop);
	CHECK(v.n == 1);
	tell(1);
	loop_run(v.loop);
	CHECK(v.n == 2);
	end(&v);
	drain(&v);
	CHECK(v.n == 2 && !list.first);
}

static void nothing_comes_after_a_stop(void)
{
	struct waiter v;
	begin(&v, 1, 1);
	tell(1);
	end(&v); /* with the post under way */
	drain(&v);
	CHECK(v.n == 0);
}

static void once_is_once_until_it_is_wanted_again(void)
{
	struct waiter v;
	begin(&v, 1 | WATCH_ONCE, 1);
	tell(1);
	loop_run(v.loop);
	tell(1);
	CHECK(v.n == 1);
	pthread_mutex_lock(&lock);
	watch_want(&v.watch, 1 | WATCH_ONCE);
	pthread_mutex_unlock(&lock);
	tell(1);
	loop_run(v.loop);
	CHECK(v.n == 2);
	end(&v);
	drain(&v);
	CHECK(v.n == 2);
}

static void *tell_from_elsewhere(void *arg)
{
	for (int i = 0; i < 1000; i++)
		tell(1);
	tell(2);
	return NULL;
}

static void on_last(struct watch *w)
{
	loop_stop(OWNER(w, struct waiter, watch)->loop);
}

static void another_thread_tells(void)
{
	struct waiter v, last;
	pthread_t thread;
	begin(&v, 1, 1 << 20);
	last = (struct waiter){.loop = v.loop};
	pthread_mutex_lock(&lock);
	watch_start(&list, v.loop, 2, &last.watch, on_last);
	pthread_mutex_unlock(&lock);
	pthread_create(&thread, NULL, tell_from_elsewhere, NULL);
	loop_run(v.loop); /* until the last is told */
	pthread_join(thread, NULL);
	CHECK(v.n >= 1);
	end(&v);
	end(&last);
	drain(&v);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"what is told often wakes once", what_is_told_often_wakes_once},
		{"nothing comes after a stop", nothing_comes_after_a_stop},
		{"once is once until it is wanted again", once_is_once_until_it_is_wanted_again},
		{"another thread tells", another_thread_tells},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
