/* postgres_pool.c - the threads that answer what loops ask. */
#include "store/postgres_pool.h"

#include "base/arena.h"
#include "store/limits.h"
#include "store/postgres_read.h"

enum { POOL_RETRY_MS = 1000 };

struct postgres_pool {
	struct db *db;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	struct db_read *first, **last;
	size_t n; /* that wait */
	bool closing;
	size_t n_threads;
	pthread_t threads[];
};

static bool pool_in_reader(struct db_reader *r, void *ctx, struct err *e)
{
	struct db_read *read = ctx;
	return read->work(read, r, e);
}

static void pool_answer(struct db *db, struct db_reader *r, struct db_read *read)
{
	struct err e = {0};
	read->err = NULL;
	if (!postgres_read(r, pool_in_reader, read, &e)) {
		read->err = xalloc(sizeof e);
		*read->err = e;
	}
	db->options.answered(db->options.ctx, read);
}

static void *pool_main(void *arg)
{
	struct postgres_pool *p = arg;
	struct db_reader *r = postgres_attach(p->db);
	pthread_setname_np(pthread_self(), "store-read");
	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct db_read *read = p->first;
		if (!read && p->closing)
			break;
		if (!read) {
			pthread_cond_wait(&p->wake, &p->lock);
			continue;
		}
		p->first = read->next;
		if (!p->first)
			p->last = &p->first;
		p->n--;
		pthread_mutex_unlock(&p->lock);
		pool_answer(p->db, r, read);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	postgres_detach(r);
	return NULL;
}

bool postgres_ask(struct db_reader *r, struct db_read *read, struct err *e)
{
	struct postgres_pool *p = postgres_reader_db(r)->pool;
	pthread_mutex_lock(&p->lock);
	bool full = p->n >= (size_t)store_limits.queue;
	if (!full) {
		read->next = NULL;
		*p->last = read;
		p->last = &read->next;
		p->n++;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	if (!full)
		return true;
	e->retry_after_ms = POOL_RETRY_MS;
	return fail(e, ERR_UNAVAILABLE, NULL, "The store is overloaded. Please retry after a moment.");
}

struct postgres_pool *postgres_pool_new(struct db *db, struct err *e)
{
	size_t n = (size_t)store_limits.read_connections;
	struct postgres_pool *p = xalloc(sizeof *p + n * sizeof *p->threads);
	p->db = db;
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	for (; p->n_threads < n; p->n_threads++)
		if (pthread_create(&p->threads[p->n_threads], NULL, pool_main, p)) {
			fail(e, ERR_STORE, NULL, "cannot start the store's threads: %m");
			postgres_pool_free(p);
			return NULL;
		}
	return p;
}

void postgres_pool_free(struct postgres_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	xfree(p);
}
