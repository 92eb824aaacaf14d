/* loop_test.c - the four rules of loop.h, posts and workers. Time is moved by hand (clock_fake). */
#include "loop/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/test.h"
#include "loop/workers.h"

static struct loop *l;
static char trail[256]; /* one letter a callback */
static size_t n_trail;

static void step(char c)
{
	if (n_trail < sizeof trail)
		trail[n_trail++] = c;
}

static void begin(void)
{
	struct err e = {0};
	n_trail = 0;
	CHECK(loop_open(&l, &e));
}

static void finish(const char *want)
{
	CHECK_STR(((struct str){trail, n_trail}), str_of(want));
	loop_close(l);
	clock_fake(0);
}

/* A timer or deferred call that leaves a letter. */
struct probe {
	struct timer timer;
	struct deferred deferred;
	char letter;
	void (*then)(struct probe *);
};

static void on_timer(struct timer *t)
{
	struct probe *p = OWNER(t, struct probe, timer);
	CHECK(!t->loop); /* rule 3: idle again before the callback */
	step(p->letter);
	if (p->then)
		p->then(p);
}

static void on_deferred(struct deferred *d)
{
	struct probe *p = OWNER(d, struct probe, deferred);
	CHECK(!d->next);
	step(p->letter);
	if (p->then)
		p->then(p);
}

static void stop(struct probe *p)
{
	loop_stop(l);
}

static void at(struct probe *p, int64_t ms)
{
	timer_start(l, &p->timer, ms, on_timer);
}

static void timers_in_order(void)
{
	clock_fake(1000000);
	begin();
	struct probe p[5] = {
	    {.letter = 'a'}, {.letter = 'b'}, {.letter = 'c'}, {.letter = 'd'}, {.letter = 'z', .then = stop}};
	at(&p[2], 30);
	at(&p[0], 10);
	at(&p[4], 50);
	at(&p[3], 5);
	at(&p[1], 20);
	at(&p[3], 40); /* restart: once only, at the later time */
	CHECK(n_trail == 0);
	clock_fake(1000000 + 60000);
	loop_run(l);
	finish("abcdz");
}

static void cancelled_timers_are_silent(void)
{
	clock_fake(1000000);
	begin();
	struct probe p[50], end = {.letter = 'z', .then = stop};
	for (int i = 0; i < 50; i++) {
		p[i] = (struct probe){.letter = i % 2 ? 'x' : 'o'};
		at(&p[i], (i * 37) % 50);
	}
	for (int i = 1; i < 50; i += 2) {
		timer_cancel(&p[i].timer);
		timer_cancel(&p[i].timer); /* idle: nothing */
	}
	at(&end, 60);
	clock_fake(1000000 + 60000);
	loop_run(l);
	finish("oooooooooooooooooooooooooz");
}

static void heap_keeps_order(void)
{
	static struct probe many[2000];
	clock_fake(1000000);
	begin();
	unsigned seed = 7;
	for (int i = 0; i < 2000; i++) {
		seed = seed * 1103515245u + 12345u;
		many[i] = (struct probe){0};
		at(&many[i], (seed >> 16) % 1000);
		if (i % 3 == 0)
			timer_cancel(&many[(seed >> 8) % (unsigned)(i + 1)].timer);
		if (i % 5 == 0)
			at(&many[(seed >> 4) % (unsigned)(i + 1)], (seed >> 12) % 1000);
	}
	/* Half of them fire, none that is due later; the rest is cancelled in another order. */
	struct probe end = {.letter = 'z', .then = stop};
	at(&end, 500);
	clock_fake(1000000 + 500000);
	loop_run(l);
	for (int i = 0; i < 2000; i++)
		if (many[i].timer.loop)
			CHECK(many[i].timer.due_ms > 1500);
	for (int i = 0; i < 2000; i++)
		timer_cancel(&many[(i * 7) % 2000].timer);
	CHECK(trail[n_trail - 1] == 'z' || n_trail == sizeof trail);
	n_trail = 0;
	finish("");
}

static void again(struct probe *p)
{
	if (p->letter++ < 'e')
		defer_start(l, &p->deferred, on_deferred);
	else
		stop(p);
}

static void deferred_after_events(void)
{
	begin();
	struct probe a = {.letter = 'a', .then = again}, b = {.letter = '1'}, c = {.letter = '2'};
	defer_start(l, &a.deferred, on_deferred);
	defer_start(l, &b.deferred, on_deferred);
	defer_start(l, &c.deferred, on_deferred);
	defer_start(l, &b.deferred, on_deferred); /* already started: once only */
	defer_cancel(&c.deferred);
	CHECK(n_trail == 0);
	loop_run(l);
	finish("a1bcde");
}

static void deferred_started_twice(void)
{
	begin();
	struct probe b = {.letter = '1'}, c = {.letter = '2'}, z = {.letter = 'z', .then = stop};
	defer_start(l, &b.deferred, on_deferred);
	defer_start(l, &c.deferred, on_deferred);
	defer_start(l, &b.deferred, on_deferred);
	at(&z, 100); /* behind them however slow the machine is */
	loop_run(l);
	finish("12z");
}

static void forever(struct probe *p)
{
	defer_start(l, &p->deferred, on_deferred);
	n_trail = 0;
}

static void yield_again(struct probe *p)
{
	loop_yield(l, &p->deferred, on_deferred);
	if (n_trail > 8)
		loop_stop(l);
}

/* What has let others go first goes on when there was I/O: a post of another thread comes by it. One in each turn of the loop. */
static void yielded_after_others(void)
{
	begin();
	struct probe a = {.letter = 'a', .then = yield_again}, b = {.letter = 'b'}, gone = {.letter = 'x'}, c = {.letter = 'c'};
	loop_yield(l, &a.deferred, on_deferred);
	loop_yield(l, &gone.deferred, on_deferred);
	loop_yield(l, &b.deferred, on_deferred);
	defer_start(l, &c.deferred, on_deferred);
	defer_cancel(&gone.deferred);
	loop_run(l);
	defer_cancel(&a.deferred);
	finish("cabaaaaaa");
}

static void on_letter(struct post *p)
{
	step('p');
	loop_stop(l);
}

static void yielded_do_not_starve(void)
{
	begin();
	struct probe a = {.letter = 'a', .then = yield_again};
	struct post p = {.run = on_letter};
	loop_yield(l, &a.deferred, on_deferred);
	loop_post(l, &p);
	loop_run(l);
	defer_cancel(&a.deferred);
	finish("p");
}

static void deferred_do_not_starve(void)
{
	begin();
	struct probe a = {.letter = 'a', .then = forever}, z = {.letter = 'z', .then = stop};
	defer_start(l, &a.deferred, on_deferred);
	at(&z, 2); /* real clock: comes although the deferred calls never end */
	loop_run(l);
	defer_cancel(&a.deferred);
	n_trail = 0;
	finish("");
}

static struct probe other;

static void cancel_other(struct probe *p)
{
	defer_cancel(&other.deferred);
	timer_cancel(&other.timer);
}

static void cancel_from_callback(void)
{
	clock_fake(1000000);
	begin();
	struct probe a = {.letter = 'a', .then = cancel_other}, z = {.letter = 'z', .then = stop};
	other = (struct probe){.letter = 'x'};
	defer_start(l, &a.deferred, on_deferred);
	defer_start(l, &other.deferred, on_deferred);
	at(&a, 1);
	at(&other, 2);
	at(&z, 3);
	clock_fake(1000000 + 10000);
	loop_run(l);
	finish("aza");
}

static void stop_before_run(void)
{
	begin();
	loop_stop(l);
	loop_run(l);
	finish("");
}

/* --- rule 4 --- */

#ifdef __SANITIZE_ADDRESS__
static void nothing(struct post *p)
{
}

static void leave_timer(struct arena *a)
{
	struct probe *p = xalloc(sizeof *p);
	timer_start(l, &p->timer, 1000, on_timer);
	xfree(p);
}

static void leave_deferred(struct arena *a)
{
	struct probe *p = new(a, struct probe);
	defer_start(l, &p->deferred, on_deferred);
	arena_free(a);
}

static void leave_post(struct arena *a)
{
	struct post *p = xalloc(sizeof *p);
	p->run = nothing;
	loop_post(l, p);
	xfree(p);
}

static void leave_job(struct arena *a)
{
	struct job *j = xalloc(sizeof *j);
	struct workers *w = workers_new("test", 0, 1);
	if (job_start(w, l, j))
		xfree(j);
}

static void cancel_both(struct arena *a)
{
	struct probe *p = xalloc(sizeof *p);
	timer_start(l, &p->timer, 1000, on_timer);
	defer_start(l, &p->deferred, on_deferred);
	op_cancel(&p->timer);
	op_cancel(&p->deferred);
	xfree(p);
}

/* How a process ends that does this. */
static int end_of(void (*forget)(struct arena *))
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		struct arena a = {0};
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		forget(&a);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void nothing_pending_is_freed(void)
{
	begin();
	CHECK(end_of(leave_timer) == SIGABRT);
	CHECK(end_of(leave_deferred) == SIGABRT);
	CHECK(end_of(leave_post) == SIGABRT);
	CHECK(end_of(leave_job) == SIGABRT);
	CHECK(end_of(cancel_both) == 0);
	finish("");
}
#endif

/* --- posts and workers --- */

struct task {
	struct job job;
	atomic_int *ran;
	int *done, *skipped, *left;
};

static void task_run(struct job *j)
{
	struct task *t = OWNER(j, struct task, job);
	atomic_fetch_add(t->ran, 1);
}

static void task_done(struct job *j)
{
	struct task *t = OWNER(j, struct task, job);
	++*t->done;
	if (atomic_load(&j->cancelled))
		++*t->skipped;
	if (--*t->left == 0)
		loop_stop(l);
	xfree(t);
}

static void jobs_come_back(void)
{
	begin();
	enum { N = 1000 };
	atomic_int ran = 0;
	int done = 0, skipped = 0, left = N;
	struct workers *w = workers_new("test", 3, N);
	for (int i = 0; i < N; i++) {
		struct task *t = xalloc(sizeof *t);
		*t = (struct task){{.run = task_run, .done = task_done}, &ran, &done, &skipped, &left};
		if (i % 10 == 0)
			atomic_store(&t->job.cancelled, true); /* before its start: never run, still done */
		CHECK(job_start(w, l, &t->job));
	}
	loop_run(l);
	CHECK(done == N);
	CHECK(skipped == N / 10);
	CHECK(ran == N - N / 10);
	workers_free(w);
	finish("");
}

static void full_queue_refuses(void)
{
	begin();
	atomic_int ran = 0;
	int done = 0, skipped = 0, left = 2;
	struct workers *w = workers_new("test", 0, 2); /* no threads: nothing leaves the queue */
	struct task *t[3];
	for (int i = 0; i < 3; i++) {
		t[i] = xalloc(sizeof *t[i]);
		*t[i] = (struct task){{.run = task_run, .done = task_done}, &ran, &done, &skipped, &left};
		CHECK(job_start(w, l, &t[i]->job) == (i < 2));
	}
	workers_free(w);
	for (int i = 0; i < 3; i++)
		xfree(t[i]);
	finish("");
}

/* A machine that has no thread to give refuses jobs, and takes them once it has. */
static void no_thread_refuses(void)
{
	begin();
	atomic_int ran = 0;
	int done = 0, skipped = 0, left = 1;
	pthread_attr_t was, huge;
	pthread_getattr_default_np(&was);
	pthread_attr_init(&huge);
	CHECK(pthread_attr_setstacksize(&huge, (size_t)1 << 47) == 0);
	CHECK(pthread_setattr_default_np(&huge) == 0);
	struct workers *w = workers_new("test", 2, 2);
	struct task *t = xalloc(sizeof *t);
	*t = (struct task){{.run = task_run, .done = task_done}, &ran, &done, &skipped, &left};
	CHECK(!job_start(w, l, &t->job));
	CHECK(pthread_setattr_default_np(&was) == 0);
	CHECK(job_start(w, l, &t->job));
	loop_run(l);
	CHECK(ran == 1 && done == 1);
	workers_free(w);
	pthread_attr_destroy(&was);
	pthread_attr_destroy(&huge);
	finish("");
}

static void free_runs_what_waits(void)
{
	begin();
	enum { N = 50 };
	atomic_int ran = 0;
	int done = 0, skipped = 0, left = -1;
	struct workers *w = workers_new("test", 1, N);
	for (int i = 0; i < N; i++) {
		struct task *t = xalloc(sizeof *t);
		*t = (struct task){{.run = task_run, .done = task_done}, &ran, &done, &skipped, &left};
		CHECK(job_start(w, l, &t->job));
	}
	workers_free(w);
	CHECK(ran == N);
	CHECK(done == 0); /* done() comes on the loop only */
	finish("");       /* which runs the posts that are left */
	CHECK(done == N);
}

struct letter_post {
	struct post post;
	char letter;
};

static void on_post(struct post *p)
{
	struct letter_post *lp = OWNER(p, struct letter_post, post);
	step(lp->letter);
	if (lp->letter == 'z')
		loop_stop(l);
}

static void posts_keep_order(void)
{
	begin();
	struct letter_post p[4];
	for (int i = 0; i < 4; i++) {
		p[i] = (struct letter_post){{.run = on_post}, "abcz"[i]};
		loop_post(l, &p[i].post);
	}
	CHECK(n_trail == 0);
	loop_run(l);
	finish("abcz");
}

/* Memory goes to the next borrower, never to two; of too much, or too many, it is let go. */
static void lent_memory_goes_round(void)
{
	struct buf a, b, many[40];
	begin();
	buf_init(&a, 100);
	buf_init(&b, 1 << 20);
	loop_lend(l, &a); /* nothing to lend yet */
	CHECK(!a.p);
	buf_add(&a, S("bytes"));
	char *p = a.p;
	loop_lend(l, &a); /* it has its own */
	CHECK(a.p == p && a.n == 5);
	loop_take_back(l, &a);
	CHECK(!a.p && !a.n && a.max == 100);
	loop_lend(l, &b);
	CHECK(b.p == p && b.n == 0 && b.max == 1 << 20);
	loop_lend(l, &a);
	CHECK(!a.p);
	buf_room(&b, 1 << 19);
	loop_take_back(l, &b);
	loop_lend(l, &a);
	CHECK(!a.p);
	for (size_t i = 0; i < 40; i++) {
		buf_init(&many[i], 100);
		buf_byte(&many[i], 'x');
	}
	for (size_t i = 0; i < 40; i++)
		loop_take_back(l, &many[i]);
	loop_lend(l, &a);
	CHECK(a.p && a.n == 0);
	buf_release(&a);
	finish("");
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"timers fire in order, restarts once", timers_in_order},
	    {"cancelled timers are silent", cancelled_timers_are_silent},
	    {"the heap keeps its order", heap_keeps_order},
	    {"deferred calls run after events, in order, once", deferred_after_events},
	    {"deferred calls started twice run once", deferred_started_twice},
	    {"what has yielded runs after I/O, one a turn", yielded_after_others},
	    {"what yields again and again lets I/O through", yielded_do_not_starve},
	    {"deferred calls do not starve timers", deferred_do_not_starve},
	    {"a callback cancels what is next", cancel_from_callback},
	    {"a stop before the run counts", stop_before_run},
#ifdef __SANITIZE_ADDRESS__
	    {"what is pending is not freed", nothing_pending_is_freed},
#endif
	    {"posts keep their order", posts_keep_order},
	    {"lent memory goes round", lent_memory_goes_round},
	    {"jobs come back", jobs_come_back},
	    {"a full queue refuses", full_queue_refuses},
	    {"no thread, no job", no_thread_refuses},
	    {"workers_free runs what waits", free_runs_what_waits},
	};
	return test_main(tests, sizeof tests / sizeof tests[0]);
}
