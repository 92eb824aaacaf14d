/* batch_lines.c - lines of batches as they run: each is a request of our own, answered by its endpoint's handler. */
#include "batches/batch_lines.h"

#include <string.h>

#include "base/clock.h"
#include "batches/batch_run.h"
#include "door/own.h"
#include "wire/json.h"

enum { BACKOFF_MOST_MS = 60000, BACKOFF_MOST = 16 };

/* --- the answer -------------------------------------------------------------------------------------------------- */

/* Is it to be run again, and not yet to be told of? Who is told to wait waits; an engine that fails may be back soon.
 * What was cut off by the end of this process runs when the next begins. */
static bool lines_again(struct line *l, int status)
{
	static const int64_t most = INT64_C(1) << BACKOFF_MOST;
	bool waits = status == 429 || status == 503 || l->use.cancelled;
	if (!waits && (status < 500 || l->tries + 1 >= api_limits.batch_tries))
		return false;
	int64_t n = l->tries < BACKOFF_MOST ? INT64_C(1) << l->tries : most, ms = api_limits.batch_retry_ms * n;
	l->tries++;
	l->due_ms = loop_now_ms(l->run->all->api->loop) + (ms < BACKOFF_MOST_MS ? ms : BACKOFF_MOST_MS);
	return true;
}

/* One line of JSON, whatever the handler's form was. */
static void lines_write(struct line *l, struct arena *a, const struct inner_answer *got, yyjson_val *body)
{
	struct batch_answer_text t = {.custom_id = l->custom_id, .request_id = got->request_id, .status = got->status};
	if (body) {
		t.body = json_text(a, body);
	} else {
		t.status = 0;
		t.code = S("answer_too_large");
		t.message = S("The answer to this request passed this server's limits (api.batch_answer_bytes).");
	}
	buf_init(&l->answer, SIZE_MAX / 2);
	batch_answer_write(&l->answer, &t);
}

/* What the answer says of itself lies in its arena. */
static void lines_keep_model(struct line *l)
{
	size_t n = l->use.model.n < sizeof l->model ? l->use.model.n : 0;
	if (n)
		memcpy(l->model, l->use.model.p, n);
	l->use.model = (struct str){l->model, n};
}

static void lines_on_answer(struct inner *in, const struct inner_answer *got)
{
	struct line *l = OWNER(in, struct line, inner);
	struct batch_run *run = l->run;
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *body = NULL;
	if (!got->status || !json_parse(&a, got->body, &body, &e))
		body = NULL;
	batch_use_read(body, &l->use);
	lines_remove(&run->running, l);
	run->all->n_running--;
	if (got->status && lines_again(l, got->status)) {
		lines_add(&run->ready, l);
		lines_settle(run->all, 1);
	} else {
		l->failed = !body || got->status < 200 || got->status > 299;
		lines_write(l, &a, got, body);
		if (l->failed)
			l->use = (struct batch_use){0};
		else
			lines_keep_model(l);
		lines_add(&run->answered, l);
	}
	arena_free(&a);
	run->look(run);
}

/* --- running ----------------------------------------------------------------------------------------------------- */

static void lines_start(struct batches *b, struct batch_run *run, struct line *l)
{
	struct own_ask ask = {.route = run->route,
			      .path = run->step.endpoint,
			      .body = l->body,
			      .project = run->project,
			      .key = key_id(b->api->api->options.store, run->asker),
			      .most = (size_t)api_limits.batch_answer_bytes,
			      .low = true};
	lines_remove(&run->ready, l);
	lines_add(&run->running, l);
	b->n_running++;
	atomic_fetch_add(&b->api->api->running, 1);
	l->run = run;
	l->inner.done = lines_on_answer;
	own_start(&l->inner, b->api, &ask);
}

static size_t lines_of_project(const struct batches *b, int64_t project)
{
	size_t n = 0;
	for (const struct batch_run *r = b->runs; r; r = r->next)
		n += r->project == project ? r->running.n : 0;
	return n;
}

static struct line *lines_due(const struct batch_run *run, int64_t now)
{
	struct line *l = run->ready.first;
	while (l && l->due_ms > now)
		l = l->next;
	return l;
}

/* Of the project that has the fewest lines running, and of its batches that with the fewest. */
static struct batch_run *lines_next(struct batches *b, struct line **ret)
{
	struct batch_run *best = NULL;
	size_t least = 0;
	int64_t now = loop_now_ms(b->api->loop);
	for (struct batch_run *r = b->runs; r; r = r->next) {
		struct line *l = r->route && !r->stopped ? lines_due(r, now) : NULL;
		size_t n = l ? lines_of_project(b, r->project) : 0;
		if (!l || (best && (n > least || (n == least && r->running.n >= best->running.n))))
			continue;
		best = r;
		least = n;
		*ret = l;
	}
	return best;
}

void lines_pump(struct batches *b)
{
	struct batch_run *run;
	struct line *l;
	while (b->n_running < (size_t)api_limits.batch_running && !atomic_load(&b->api->api->draining) &&
	       (run = lines_next(b, &l)))
		lines_start(b, run, l);
}

void lines_stop(struct batch_run *run)
{
	run->all->n_running -= run->running.n;
	lines_settle(run->all, run->running.n);
	lines_free(&run->running);
	lines_free(&run->ready);
}

void lines_settle(struct batches *b, size_t n)
{
	atomic_fetch_sub(&b->api->api->running, n);
}
