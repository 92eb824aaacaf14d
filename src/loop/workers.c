/* workers.c - a bounded set of threads for what blocks. */
#include "loop/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/arena.h"
#include "loop/pending.h"

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first, **last; /* those that wait */
	unsigned waiting, queue;
	bool ending;
	char name[16];
	unsigned n, most; /* threads: that run, that are wanted */
	pthread_t threads[];
};

static void workers_on_done(struct post *p)
{
	struct job *j = OWNER(p, struct job, post);
	pending_remove(j);
	j->done(j);
}

/* The next job, or NULL when the set ends. */
static struct job *take_job(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->ending)
		pthread_cond_wait(&w->more, &w->lock);
	struct job *j = w->first;
	if (j) {
		w->first = j->next;
		if (!w->first)
			w->last = &w->first;
		w->waiting--;
	}
	pthread_mutex_unlock(&w->lock);
	return j;
}

static void *workers_work(void *arg)
{
	struct workers *w = arg;
	pthread_setname_np(pthread_self(), w->name);
	for (struct job *j; (j = take_job(w));) {
		if (!atomic_load(&j->cancelled))
			j->run(j);
		j->post.run = workers_on_done;
		loop_post(j->loop, &j->post); /* from here on the job is the loop's */
	}
	return NULL;
}

/* A machine that gives no thread now may give one later: job_start() asks again. */
static void start_threads(struct workers *w)
{
	while (w->n < w->most && pthread_create(&w->threads[w->n], NULL, workers_work, w) == 0)
		w->n++;
}

struct workers *workers_new(const char *name, unsigned threads, unsigned queue)
{
	struct workers *w = xalloc(sizeof *w + threads * sizeof w->threads[0]);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->last = &w->first;
	w->queue = queue;
	snprintf(w->name, sizeof w->name, "%s", name);
	w->most = threads;
	start_threads(w);
	return w;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n; i++)
		pthread_join(w->threads[i], NULL);
	for (struct job *j = w->first; j; j = j->next) /* there was no thread */
		pending_remove(j);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	xfree(w);
}

bool job_start(struct workers *w, struct loop *l, struct job *j)
{
	if (w->n < w->most)
		start_threads(w);
	pthread_mutex_lock(&w->lock);
	bool fits = w->waiting < w->queue && (w->n || !w->most);
	if (fits) {
		j->loop = l;
		j->next = NULL;
		*w->last = j;
		w->last = &j->next;
		w->waiting++;
		pending_add(j);
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return fits;
}
