/* keeper.c - the thread that builds boxes, looks after their bounds, ends idle ones and reaps. */
#include "session/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "measure/measure.h"
#include "session/limits.h"
#include "session/table.h"
#include "session/watch.h"

enum { TICK_MS = 50, IDLE_MS = 1000, FOLDER_LOOKS = 5 };

void keeper_wait(struct sessions *s, int64_t ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000L;
	}
	pthread_cond_timedwait(&s->changed, &s->lock, &t);
}

/* With the lock. */
static struct session *keeper_session_of(struct sessions *s, const struct box *b)
{
	size_t i = 0;
	struct session *at;
	while ((at = map_next(&s->map, &i)))
		if (at->box == b)
			return at;
	return NULL;
}

/* The interpreter of a session that nobody works in goes with its box. With the lock. */
static void keeper_forget(struct session *at)
{
	if (at->python.used)
		box_say_why(at->box, at->lost);
	interpreter_forget(&at->python);
}

/* Ends the box of a session that nobody works in. With the lock. */
static void keeper_retire(struct session *at, enum box_why why)
{
	box_kill(at->box, why);
	keeper_forget(at);
	box_drop(at->box);
	at->box = NULL;
}

bool keeper_room(struct sessions *s)
{
	for (;;) {
		size_t i = 0;
		int64_t n = 0;
		struct session *at, *oldest = NULL;
		while ((at = map_next(&s->map, &i))) {
			n += at->building || (at->box && atomic_load(&at->box->why) == BOX_LIVES);
			if (!at->calls && at->box && (!oldest || at->used_us < oldest->used_us))
				oldest = at;
		}
		if (n < session_limits.max || !oldest)
			return n < session_limits.max;
		keeper_retire(oldest, BOX_ROOM);
	}
}

/* --- the thread -------------------------------------------------------------------------------------------- */

/* A box that has ended is reaped, and no longer listed. With the lock. */
static void keeper_reap(struct sessions *s)
{
	for (struct box **at = &s->boxes; *at;) {
		struct box *b = *at;
		siginfo_t info = {0};
		int status;
		if (waitid(P_PID, (id_t)b->process.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
			at = &b->next;
			continue;
		}
		int lives = BOX_LIVES;
		atomic_compare_exchange_strong(&b->why, &lives, BOX_DIED);
		kill(-b->process.pid, SIGKILL);
		while (waitpid(b->process.pid, &status, 0) < 0 && errno == EINTR)
			;
		if (b->process.pidfd >= 0)
			close(b->process.pidfd);
		b->process.pidfd = -1;
		b->reaped = true;
		*at = b->next;
		MEASURE(SESSIONS, -1, 0);
		struct session *of = keeper_session_of(s, b);
		if (of && !of->calls) {
			keeper_forget(of);
			of->box = NULL;
			box_drop(b);
		}
		box_drop(b);
	}
}

/* Boxes in which a call runs are looked at often, the others once a second. Without the lock: a look may take a while.
 */
static void keeper_watch(struct sessions *s, unsigned looks)
{
	size_t n = 0;
	int64_t now = clock_mono_us();
	pthread_mutex_lock(&s->lock);
	for (struct box *b = s->boxes; b; b = b->next)
		n++;
	struct box **due = xalloc((n + 1) * sizeof(struct box *));
	n = 0;
	for (struct box *b = s->boxes; b; b = b->next)
		if (b->proc >= 0 && atomic_load(&b->why) == BOX_LIVES &&
		    now - b->looked_us >= (atomic_load(&b->calls) ? session_limits.watch_ms * 900 : IDLE_MS * 1000)) {
			b->looked_us = now;
			box_hold(b);
			due[n++] = b;
		}
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < n; i++) {
		char folder[sizeof due[i]->folder]; /* a box that waits is given another (pool.c) */
		pthread_mutex_lock(&s->lock);
		memcpy(folder, due[i]->folder, sizeof folder);
		pthread_mutex_unlock(&s->lock);
		watch_box(due[i], looks % FOLDER_LOOKS == 0 || !atomic_load(&due[i]->calls) ? folder : NULL);
		box_drop(due[i]);
	}
	xfree(due);
}

/* With the lock. */
static void keeper_end_idle(struct sessions *s)
{
	size_t i = 0;
	struct session *at;
	int64_t since = clock_mono_us() - session_limits.idle_seconds * 1000000;
	while ((at = map_next(&s->map, &i)))
		if (at->box && !at->calls && at->used_us < since)
			keeper_retire(at, BOX_IDLE);
}

/* Those that died stay in the list: somebody may be about to ask one. */
static void keeper_launch(struct sessions *s, struct err *e)
{
	struct zygote *z = xalloc(sizeof *z), *last = atomic_load(&s->kind.zygote);
	if (last)
		zygote_bury(last);
	if (!zygote_launch(z, s->kind.program, e)) {
		zygote_end(z);
		xfree(z);
		return;
	}
	z->next = last;
	atomic_store(&s->kind.zygote, z);
}

/* With the lock, which is let go while a box is built. */
static void keeper_work(struct sessions *s)
{
	while (s->jobs) {
		struct keeper_job *j = s->jobs;
		s->jobs = j->next;
		pthread_mutex_unlock(&s->lock);
		struct box *b = NULL;
		if (j->where)
			b = box_build(j->where, *s->kind.packages ? s->kind.packages : NULL, &j->e);
		else
			keeper_launch(s, &j->e);
		pthread_mutex_lock(&s->lock);
		if (b) {
			box_hold(b);
			b->next = s->boxes;
			s->boxes = b;
			MEASURE(SESSIONS, 1, 0);
		}
		j->box = b;
		j->done = true;
		pthread_cond_broadcast(&s->changed);
	}
}

/* How long nothing has to be looked at. With the lock. */
static int64_t keeper_pause(const struct sessions *s)
{
	if (s->ended)
		return TICK_MS;
	for (const struct box *b = s->boxes; b; b = b->next)
		if (atomic_load(&b->calls) || atomic_load(&b->why) != BOX_LIVES)
			return session_limits.watch_ms;
	return IDLE_MS;
}

static void *keeper_run(void *arg)
{
	struct sessions *s = arg;
	unsigned looks = 0;
	int64_t next_us = 0;
	pthread_mutex_lock(&s->lock);
	while (!s->ended || s->boxes) {
		keeper_work(s);
		if (clock_mono_us() >= next_us) {
			keeper_reap(s);
			keeper_end_idle(s);
			pthread_mutex_unlock(&s->lock);
			keeper_watch(s, looks++);
			pthread_mutex_lock(&s->lock);
			next_us = clock_mono_us() + keeper_pause(s) * 1000;
		}
		int64_t now = clock_mono_us(), pause = now + keeper_pause(s) * 1000;
		next_us = next_us < pause ? next_us : pause; /* a call may have begun */
		if (!s->jobs && next_us > now)
			keeper_wait(s, (next_us - now) / 1000 + 1);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static bool keeper_do(struct sessions *s, struct keeper_job *j)
{
	pthread_mutex_lock(&s->lock);
	if (!s->started && pthread_create(&s->thread, NULL, keeper_run, s) == 0)
		s->started = true;
	if (!s->started) {
		pthread_mutex_unlock(&s->lock);
		return fail(&j->e, ERR_UNAVAILABLE, NULL, "the machine gives no thread for boxes");
	}
	struct keeper_job **last = &s->jobs;
	while (*last)
		last = &(*last)->next;
	*last = j;
	pthread_cond_broadcast(&s->changed);
	while (!j->done)
		keeper_wait(s, TICK_MS);
	pthread_mutex_unlock(&s->lock);
	return !j->e.code;
}

struct box *keeper_build(struct sessions *s, const struct session_where *w, struct err *e)
{
	struct keeper_job j = {.where = w};
	if (!keeper_do(s, &j))
		*e = j.e;
	return j.box;
}

bool keeper_zygote(struct sessions *s, struct err *e)
{
	struct keeper_job j = {0};
	return keeper_do(s, &j) || fail(e, j.e.code, NULL, "%s", j.e.msg);
}

void keeper_end(struct sessions *s)
{
	if (!s->started)
		return;
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	for (struct box *b = s->boxes; b; b = b->next)
		box_kill(b, BOX_ENDED);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	for (struct zygote *z = atomic_load(&s->kind.zygote), *next; z; z = next) {
		next = z->next;
		zygote_end(z);
		xfree(z);
	}
}
