/* late_driver.c - SQLite behind a driver that does not answer at once, for tests. */
#include "store/late_driver.h"

#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "store/drivers.h"
#include "store/sqlite.h"

enum { THREADS = 2, LATE_US = 3000 };

struct waiting {
	struct db_reader *reader;
	struct db_read *read;
	struct waiting *next;
};

static struct driver late;
static unsigned seed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over what follows, and the seed */
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct waiting *all;
static size_t n_waiting, n_open;
static pthread_t threads[THREADS];

static bool late_driver_in_reader(struct db_reader *r, void *ctx, struct err *e)
{
	struct db_read *read = ctx;
	return read->work(read, r, e);
}

static void late_driver_answer(struct db_reader *r, struct db_read *read)
{
	struct err e = {0};
	read->err = NULL;
	if (!sqlite_driver.read(r, late_driver_in_reader, read, &e)) {
		read->err = xalloc(sizeof e);
		*read->err = e;
	}
	r->db->options.answered(r->db->options.ctx, read);
}

static void nap(long us)
{
	struct timespec t = {.tv_nsec = us * 1000};
	nanosleep(&t, NULL);
}

/* Any of those that wait. Called with the lock held. */
static struct waiting *take_any(void)
{
	struct waiting **at = &all, *w;
	for (size_t skip = (size_t)rand_r(&seed) % n_waiting; skip--;)
		at = &(*at)->next;
	w = *at;
	*at = w->next;
	n_waiting--;
	return w;
}

static void *late_main(void *arg)
{
	pthread_setname_np(pthread_self(), "late"); /* a test looks for it */
	pthread_mutex_lock(&lock);
	for (;;) {
		if (!n_waiting && !n_open)
			break;
		if (!n_waiting) {
			pthread_cond_wait(&wake, &lock);
			continue;
		}
		struct waiting *w = take_any();
		long us = rand_r(&seed) % 3 ? rand_r(&seed) % LATE_US : 0;
		pthread_mutex_unlock(&lock);
		nap(us);
		late_driver_answer(w->reader, w->read);
		xfree(w);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static bool late_ask(struct db_reader *r, struct db_read *read, struct err *e)
{
	struct waiting *w = xalloc(sizeof *w);
	*w = (struct waiting){.reader = r, .read = read};
	pthread_mutex_lock(&lock);
	w->next = all;
	all = w;
	n_waiting++;
	pthread_cond_signal(&wake);
	pthread_mutex_unlock(&lock);
	return true;
}

static bool late_open(const struct db_options *o, struct db **ret, struct err *e)
{
	if (!sqlite_driver.open(o, ret, e))
		return false;
	pthread_mutex_lock(&lock);
	bool first = n_open++ == 0;
	pthread_mutex_unlock(&lock);
	for (int i = 0; first && i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, late_main, NULL))
			abort();
	return true;
}

static void late_close(struct db *db)
{
	pthread_mutex_lock(&lock);
	bool last = --n_open == 0;
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&lock);
	for (int i = 0; last && i < THREADS; i++)
		pthread_join(threads[i], NULL);
	sqlite_driver.close(db);
}

void late_driver_use(unsigned how)
{
	pthread_mutex_lock(&lock);
	seed = how;
	pthread_mutex_unlock(&lock);
	late = sqlite_driver;
	late.at_once = false;
	late.ask = late_ask;
	late.open = late_open;
	late.close = late_close;
	driver_replace(&sqlite_driver, &late);
}
