/* batch_pump.c - which batches are worked on, and what each needs next. */
#include "base/clock.h"
#include "base/log.h"
#include "batches/batch_lines.h"
#include "batches/batch_run.h"
#include "store/blob.h"
#include "store/nodes.h"
#include "webhooks/delivery.h"

enum { TICK_MS = 5000, AGAIN_MS = 500, AGAIN_MOST = 6, THREADS = 2, QUEUE = 2048 };

static void pump_look(struct batches *b);

/* --- a step ------------------------------------------------------------------------------------------------------ */

static void run_step(struct batch_run *run);

static void run_free(struct batch_run *run)
{
	if (run->all) {
		lines_stop(run);
		lines_settle(run->all, run->answered.n + run->step.answers.n);
	}
	timer_cancel(&run->wait);
	lines_free(&run->answered);
	lines_free(&run->step.answers);
	lines_free(&run->step.read);
	blob_close(run->step.file.blob);
	batch_file_release(&run->step.file);
	arena_free(&run->step.arena);
	xfree(run);
}

static void run_end(struct batch_run *run)
{
	struct batches *b = run->all;
	struct batch_run **at = &b->runs;
	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	run_free(run);
	pump_look(b); /* there is room for another */
}

static bool run_late(const struct batch_run *run)
{
	return run->step.expires_at && run->step.expires_at <= clock_wall_s();
}

static bool run_idle(const struct batch_run *run)
{
	return !run->ready.n && !run->running.n;
}

/* Has a worker something to do? */
static bool run_wants_step(const struct batch_run *run)
{
	const struct batch_step *st = &run->step;
	if (run->again || run->answered.n || st->answers.n || st->status != BATCH_IN_PROGRESS)
		return st->status != BATCH_CANCELLING || run->again || run->answered.n || st->answers.n ||
		       run_idle(run);
	if (run->stopped || st->at_end)
		return run_idle(run);
	return run->ready.n < (size_t)api_limits.batch_running;
}

static void run_look(struct batch_run *run);

static void run_on_wait(struct timer *t)
{
	run_look(OWNER(t, struct batch_run, wait));
}

/* Its lines that wait are looked at when the first is due. */
static void run_wait_line(struct batch_run *run)
{
	struct loop *l = run->all->api->loop;
	int64_t now = loop_now_ms(l), due = 0;
	for (const struct line *at = run->ready.first; at; at = at->next)
		if (at->due_ms > now && (!due || at->due_ms < due))
			due = at->due_ms;
	if (due && !run->failures)
		timer_start(l, &run->wait, due - now, run_on_wait);
}

static void run_look(struct batch_run *run)
{
	if (!run->stopped && (run->step.status == BATCH_CANCELLING || run_late(run))) {
		run->stopped = true;
		lines_stop(run);
	}
	lines_pump(run->all);
	if (!run->stepping && !(run->failures && run->wait.loop) && run_wants_step(run))
		run_step(run);
	run_wait_line(run);
}

static void run_failed(struct batch_run *run, const struct err *e)
{
	int64_t n = run->failures < AGAIN_MOST ? run->failures : AGAIN_MOST;
	run->failures++;
	log_at(LOG_WARN, "a batch waits", "error=\"%s\"", e->msg);
	timer_start(run->all->api->loop, &run->wait, AGAIN_MS << n, run_on_wait);
}

static void run_on_step(struct job *j)
{
	struct batch_run *run = OWNER(j, struct batch_run, step.job);
	struct batch_step *st = &run->step;
	run->stepping = false;
	if (!run->all) { /* the loop is gone */
		run_free(run);
		return;
	}
	lines_settle(run->all, st->kept);
	st->kept = 0;
	for (struct line *l = st->read.first; l; l = l->next)
		l->run = run;
	lines_move(&run->ready, &st->read);
	run->route = run->all->api->api->route(METHOD_POST, st->endpoint);
	if (st->over) {
		outbox_wake(run->all->api->api);
		run_end(run);
	} else if (st->error.code == ERR_CONFLICT) { /* somebody else has changed it: from its row once more */
		run_end(run);
	} else if (st->error.code) {
		run_failed(run, &st->error);
	} else {
		run->failures = 0;
		run_look(run);
	}
}

/* All lines before it are answered, or their answers go with this step. */
static void run_cursor(struct batch_run *run)
{
	const struct line *lists[] = {run->ready.first, run->running.first};
	struct batch_step *st = &run->step;
	st->cursor_line = st->file.line;
	st->cursor_at = st->file.at;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		for (const struct line *l = lists[i]; l; l = l->next)
			if (l->number <= st->cursor_line) {
				st->cursor_line = l->number - 1;
				st->cursor_at = l->at;
			}
}

static void run_step(struct batch_run *run)
{
	struct batch_step *st = &run->step;
	size_t most = (size_t)api_limits.batch_running;
	run->again = false;
	lines_move(&st->answers, &run->answered);
	st->idle = run_idle(run);
	st->want = run->ready.n < most ? most - run->ready.n : 0;
	run_cursor(run);
	run->stepping = job_start(run->all->workers, run->all->api->loop, &st->job);
	if (!run->stepping) {
		struct err busy = {0};
		fail(&busy, ERR_BUSY, NULL, "no thread is free");
		run_failed(run, &busy);
	}
}

/* --- which are worked on ----------------------------------------------------------------------------------------- */

struct batch_find {
	struct job job;
	struct store *store;
	struct batches *all; /* NULL: the loop is gone */
	struct err error;
	size_t n, most;
	struct batch_place places[];
};

static void find_run(struct job *j)
{
	struct batch_find *f = OWNER(j, struct batch_find, job);
	batch_open(f->store, f->most, f->places, &f->n, &f->error);
}

static void run_begin(struct batches *b, const struct batch_place *at)
{
	struct batch_run *run = b->runs;
	while (run && run->step.key != at->key)
		run = run->next;
	if (run)
		return;
	run = xalloc(sizeof *run);
	run->step = (struct batch_step){.job = {.run = batch_step_run, .done = run_on_step},
					.store = b->api->api->options.store,
					.key = at->key};
	run->all = b;
	run->look = run_look;
	run->project = at->project;
	run->asker = at->asker;
	lines_init(&run->ready);
	lines_init(&run->running);
	lines_init(&run->answered);
	lines_init(&run->step.answers);
	lines_init(&run->step.read);
	struct batch_run **last = &b->runs;
	while (*last)
		last = &(*last)->next;
	*last = run;
	run_look(run);
}

static void find_done(struct job *j)
{
	struct batch_find *f = OWNER(j, struct batch_find, job);
	struct batches *b = f->all;
	if (b) {
		b->find = NULL;
		if (f->error.code)
			log_at(LOG_WARN, "batches could not be looked for", "error=\"%s\"", f->error.msg);
		for (size_t i = 0; i < f->n; i++)
			run_begin(b, &f->places[i]);
		if (b->again)
			pump_look(b);
	}
	xfree(f);
}

static void pump_look(struct batches *b)
{
	size_t most = (size_t)api_limits.batches_open;
	b->again = b->find != NULL;
	if (b->find || atomic_load(&b->api->api->draining) || !store_leads(b->api->api->options.store))
		return;
	struct batch_find *f = xalloc(sizeof *f + most * sizeof *f->places);
	f->job = (struct job){.run = find_run, .done = find_done};
	f->store = b->api->api->options.store;
	f->all = b;
	f->most = most;
	if (job_start(b->workers, b->api->loop, &f->job))
		b->find = f;
	else
		xfree(f);
}

static void pump_on_tick(struct timer *t)
{
	struct batches *b = OWNER(t, struct batches, tick);
	for (struct batch_run *run = b->runs, *next; run; run = next) { /* windows close, and the drain is over */
		next = run->next;
		run_look(run);
	}
	pump_look(b);
	timer_start(b->api->loop, t, TICK_MS, pump_on_tick);
}

static void pump_on_news(struct run_watch *w)
{
	struct batches *b = OWNER(w, struct batches, news);
	for (struct batch_run *run = b->runs, *next; run; run = next) { /* it may be cancelled */
		next = run->next;
		run->again = true;
		run_look(run);
	}
	pump_look(b);
}

void batches_wake(struct api *a)
{
	run_tell(a->news, RUNS_BATCHES, RUN_NEWS);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

void batches_attach(struct api_loop *al)
{
	if (atomic_exchange(&al->api->batches_taken, true))
		return;
	struct batches *b = xalloc(sizeof *b);
	b->api = al;
	al->batches = b;
	b->workers = workers_new("batches", THREADS, QUEUE);
	run_watch_start(al->api->news, RUNS_BATCHES, RUN_NEWS, al->loop, &b->news, pump_on_news);
	timer_start(al->loop, &b->tick, 0, pump_on_tick);
}

void batches_detach(struct api_loop *al)
{
	struct batches *b = al->batches;
	if (!b)
		return;
	run_watch_stop(&b->news);
	timer_cancel(&b->tick);
	if (b->find)
		b->find->all = NULL;
	while (b->runs) {
		struct batch_run *run = b->runs;
		b->runs = run->next;
		lines_stop(run);
		lines_settle(b, run->answered.n);
		timer_cancel(&run->wait);
		run->all = NULL;
		atomic_store(&run->step.job.cancelled, true);
		if (!run->stepping)
			run_free(run);
	}
	workers_free(b->workers); /* what is under way ends before the store does; its end comes with the loop's */
	xfree(b);
	al->batches = NULL;
}
