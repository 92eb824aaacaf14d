/* call.c - one call to an engine: queue, count, ask, retry before the first byte, stream.
 *
 *   QUEUE -> (COUNT ->) ANSWER -> end
 *     ^                  |
 *     +--- AGAIN <-------+   connect errors, 429, 503, a prompt that must be shortened, a demanded call that was not made */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/call_options.h"
#include "engine/chat_error.h"
#include "engine/chat_render.h"
#include "engine/chat_stream.h"
#include "engine/demand.h"
#include "engine/engine_measure.h"
#include "engine/hedge.h"
#include "engine/seats.h"
#include "engine/sent.h"
#include "engine/truncate.h"
#include "engine/watch.h"

enum {
	REQUEST_MAX = 1 << 29,
	ANSWER_MAX = 65536, /* of an error's body */
	COUNT_MAX = 1 << 26, /* of a count: vLLM tells the tokens, too */
};

enum run_stage { RUN_QUEUE, RUN_COUNT, RUN_ANSWER, RUN_AGAIN };

struct run_times {
	int64_t queued, began, spoke; /* 0: not yet */
};

struct engine_run {
	struct engine_call *call; /* NULL: cancelled */
	struct engine_port *port;
	struct engine *engine;
	struct arena *a;
	struct engine_model model;
	struct engine_ways ways;
	struct prompt *prompt;
	struct http_call http;
	struct chat_stream *stream; /* set: the answer is a stream */
	struct ticket *ticket;      /* waiting for a slot */
	struct timer timer;
	struct deferred failing;
	struct err *why;   /* what `failing` will tell; most runs need none, and thousands live at a time */
	struct buf body;   /* the request */
	struct buf answer; /* what is no stream */
	enum run_stage stage;
	int status, attempts;
	int64_t retry_after_ms; /* of the engine; -1: none */
	struct run_times at_ms;
	struct route route;
	bool paused;
	struct demand *demand; /* NULL: no call is demanded */
	unsigned taught; /* what this call was taught already (traits_learn()) */
};

static void call_run_queue(struct engine_run *r, bool front);

/* --- the end --- */

static void give_slot(struct engine_run *r, bool measured)
{
	route_give(&r->route, r->engine, measured ? loop_now_ms(r->port->loop) - r->at_ms.began : -1);
}

static void run_stop(struct engine_run *r)
{
	hedge_drop(r->route.hedge);
	http_call_cancel(&r->http);
	timer_cancel(&r->timer);
	defer_cancel(&r->failing);
	if (r->ticket)
		slot_forget(r->engine->fleet, r->ticket);
	r->ticket = NULL;
	give_slot(r, r->stream != NULL);
	buf_release(&r->body);
	buf_release(&r->answer);
	r->call->run = NULL;
	r->call = NULL;
}

/* The owner may release the arena in call_on_end(): nothing is touched after it. */
static void run_end(struct engine_run *r, const struct err *e)
{
	struct engine_call *call = r->call;
	struct err copy = *e;
	engine_measure_end(r->engine, call, e->code == ERR_NONE, r->at_ms.spoke ? loop_now_ms(r->port->loop) - r->at_ms.spoke : 0);
	if (e->code == ERR_CONTEXT_LENGTH && r->prompt->files) {
		copy.code = ERR_NONE; /* said anew, with the way out */
		fail(&copy, e->code, e->param, "%s Large files are better put into a vector store, where the model searches them "
		     "with the tool 'file_search'.", e->msg);
	}
	run_stop(r);
	call->on_end(call, &copy);
}

static void on_failing(struct deferred *d)
{
	struct engine_run *r = OWNER(d, struct engine_run, failing);
	run_end(r, r->why);
}

/* For failures that may be found inside engine_call_start(). */
static void run_fail(struct engine_run *r, const struct err *e)
{
	assert(e->code != ERR_NONE);
	r->why = new (r->a, struct err);
	*r->why = *e;
	defer_start(r->port->loop, &r->failing, on_failing);
}

/* --- again --- */

static void call_on_again(struct timer *t);

static bool run_again(struct engine_run *r, int64_t wait_ms)
{
	if (r->attempts >= engine_limits.retries)
		return false;
	r->attempts++;
	r->stage = RUN_AGAIN;
	timer_start(r->port->loop, &r->timer, wait_ms, call_on_again);
	return true;
}

/* Back into the queue, to its head: the engine is loading, or another one is to be asked. */
static bool run_requeue(struct engine_run *r)
{
	if (r->attempts >= engine_limits.retries)
		return false;
	r->attempts++;
	give_slot(r, false);
	call_run_queue(r, true);
	return true;
}

/* It has failed here with nothing told to anybody: to another engine of the fleet, at once. */
static bool run_elsewhere(struct engine_run *r, bool worked)
{
	bool second = r->demand && r->demand->again; /* in a form that was made for this one */
	return !second && route_leave(&r->route, r->engine, worked) && run_requeue(r);
}

/* --- asking --- */

/* Made where they are needed: they would be as large as the model that they come from. */
static struct chat_options run_options(const struct engine_run *r)
{
	return call_options(&r->engine->config, &r->ways, &r->model, r->prompt);
}

static bool run_render(struct engine_run *r, struct err *e)
{
	struct chat_options o = run_options(r);
	buf_clear(&r->body);
	bool made = chat_render(&r->port->scratch, r->prompt, &o, &r->body, e);
	arena_reset(&r->port->scratch);
	return made;
}

static void run_ask(struct engine_run *r, enum run_stage stage)
{
	const struct engine_config *c = &r->engine->config;
	r->stage = stage;
	r->route.end = SLOT_UNSAID;
	if (!r->call->asked_us)
		r->call->asked_us = clock_mono_us();
	r->status = 0;
	r->retry_after_ms = -1;
	buf_release(&r->answer);
	buf_init(&r->answer, stage == RUN_COUNT ? COUNT_MAX : ANSWER_MAX);
	r->http.connect_ms = c->connect_ms;
	r->http.first_byte_ms = c->first_byte_ms;
	r->http.idle_ms = c->idle_ms;
	r->http.total_ms = c->total_ms;
	struct str headers = r->engine->seat.headers;
	if (r->call->headers.n)
		headers = str_fmt(r->a, "%.*s%.*s", FMT(headers), FMT(r->call->headers));
	struct str path = http_target_path(r->a, &r->engine->seat.target, stage == RUN_COUNT ? r->ways.count_path : S("/v1/chat/completions"));
	if (stage == RUN_ANSWER)
		sent_keep(r->port->engines->sent, &(struct sent_request){r->call->of, clock_wall_us(), c->name, path, buf_str(&r->body)});
	http_call_start(r->port->client, &r->http, &r->engine->seat.target, METHOD_POST, path, headers, buf_str(&r->body));
	if (stage == RUN_COUNT)
		return;
	if (r->paused)
		http_call_pause(&r->http);
	r->route.hedge = hedge_arm(&(struct hedge_call){r->port->loop, r->port->client, r->a, &r->http, &r->engine, &r->route,
							r->call->headers, buf_str(&r->body), &r->paused});
}

static void end_counted(struct engine_run *r, int64_t tokens)
{
	r->call->exact = tokens > 0;
	r->call->usage.input = tokens ? tokens : count_estimate(r->prompt, r->body.n);
	run_end(r, &(struct err){0});
}

static void on_estimated(struct deferred *d)
{
	end_counted(OWNER(d, struct engine_run, failing), 0);
}

/* Tokens are counted only where the engine can and the prompt may be near its context, or when that is what is asked. */
static void run_count_or_ask(struct engine_run *r)
{
	if (r->call->counting) {
		if (r->ways.count_path.n)
			run_ask(r, RUN_COUNT);
		else
			defer_start(r->port->loop, &r->failing, on_estimated);
		return;
	}
	bool near = r->model.context > 0 &&
	            (int64_t)r->body.n / BYTES_A_TOKEN > r->model.context / 4 * 3;
	run_ask(r, r->ways.count_path.n && near ? RUN_COUNT : RUN_ANSWER);
}

static void call_on_again(struct timer *t)
{
	run_count_or_ask(OWNER(t, struct engine_run, timer));
}

/* The slot is ours. */
static void run_begin(struct engine_run *r)
{
	struct err e = {0};
	bool pending = r->model.pending;
	r->at_ms.began = loop_now_ms(r->port->loop);
	if (!engine_refresh(r->engine, r->a, &r->model, &r->ways, &e)) {
		run_fail(r, &e);
		return;
	}
	struct engine *found = &r->port->engines->list[r->model.index];
	r->call->served_model = r->model.name;
	r->call->served_engine = found->config.name;
	if (found->fleet != r->engine->fleet || (pending && found->fleet->n > 1)) { /* a pending model lives elsewhere, or with some of them */
		give_slot(r, false);
		r->engine = found;
		r->route = route_to(r->a, found->fleet, &r->model, r->prompt);
		call_run_queue(r, false);
		return;
	}
	if ((pending && !chat_accepts(r->model.caps, &r->model, r->prompt, &e)) || !run_render(r, &e))
		run_fail(r, &e);
	else
		run_count_or_ask(r);
}

/* --- the queue --- */

static void call_on_granted(void *ctx, struct engine *g)
{
	struct engine_run *r = ctx;
	r->ticket = NULL;
	r->engine = g;
	r->route.has_slot = true;
	timer_cancel(&r->timer);
	engine_measure_slot(loop_now_ms(r->port->loop) - r->at_ms.queued);
	run_begin(r);
}

static void on_waited(struct timer *t);

static void arm_wait(struct engine_run *r)
{
	int64_t waited = loop_now_ms(r->port->loop) - r->at_ms.queued, next = engine_limits.queue_seconds * 1000;
	int64_t start = engine_limits.start_wait * 1000;
	if (start > waited && start < next)
		next = start;
	timer_start(r->port->loop, &r->timer, next - waited, on_waited);
}

static void on_waited(struct timer *t)
{
	struct engine_run *r = OWNER(t, struct engine_run, timer);
	struct err e = {0};
	if (route_overdue(r->engine->fleet, loop_now_ms(r->port->loop) - r->at_ms.queued, &e))
		run_end(r, &e);
	else
		arm_wait(r);
}

static void call_run_queue(struct engine_run *r, bool front)
{
	struct err e = {0};
	struct slot_ask *ask = &r->route.ask;
	ask->front = front;
	ask->low = r->call->low;
	ask->granted = call_on_granted;
	ask->ctx = r;
	r->stage = RUN_QUEUE;
	switch (slot_take(r->engine->fleet, r->port->loop, ask, &r->engine, &r->ticket, &e)) {
	case SLOT_YOURS:
		r->route.has_slot = true;
		engine_measure_slot(0);
		run_begin(r);
		break;
	case SLOT_WAIT:
		r->at_ms.queued = loop_now_ms(r->port->loop);
		arm_wait(r);
		break;
	case SLOT_FULL:
		run_fail(r, &e);
		break;
	}
}

/* --- the answer --- */

static void call_on_told(void *ctx, const struct model_event *ev)
{
	struct engine_run *r = ctx;
	if (r->call) /* else cancelled by an event before this one */
		r->call->on_event(r->call, ev);
}

static void call_on_event(void *ctx, const struct model_event *ev)
{
	demand_event(((struct engine_run *)ctx)->demand, ev);
}

static void call_on_head(struct http_call *h, int status)
{
	struct engine_run *r = OWNER(h, struct engine_run, http);
	hedge_drop(r->route.hedge);
	r->status = status;
	r->retry_after_ms = chat_retry_ms(http_call_header(h, S("retry-after-ms")), http_call_header(h, S("retry-after")));
	if (r->stage != RUN_ANSWER || status != 200 || !chat_may_answer(http_call_header(h, S("content-type"))))
		return;
	struct chat_options o = run_options(r);
	r->demand = demand_begin(r->demand, r->a, o.caps, r->prompt, call_on_told, r);
	r->stream = chat_stream_new(r->a, r->prompt, &o, r->demand ? call_on_event : call_on_told, r);
	r->call->begun = true;
	r->at_ms.spoke = loop_now_ms(r->port->loop);
	hedge_heard(r->route.hedge);
	buf_release(&r->body);
}

static void call_on_body(struct http_call *h, struct str bytes)
{
	struct engine_run *r = OWNER(h, struct engine_run, http);
	struct err e = {0};
	if (!r->stream)
		buf_add(&r->answer, bytes);
	else if (!chat_stream_feed(r->stream, bytes, &e)) {
		demand_end(r->demand);
		r->route.end = SLOT_FAILED;
		if (r->call)
			run_end(r, &e);
	}
}

/* Drops the oldest messages and asks again; false when nothing may go (or *e). */
static bool run_shorten(struct engine_run *r, int64_t tokens, int64_t context, struct err *e)
{
	int64_t goal = context ? truncate_goal(r->prompt, context) : tokens * 3 / 4;
	return r->prompt->truncate && truncate_prompt(r->prompt, tokens, goal) && run_render(r, e);
}

static void count_done(struct engine_run *r, const struct err *e)
{
	int64_t n = e->code == ERR_NONE && r->status == 200 ? count_read(buf_str(&r->answer)) : 0;
	struct err mine = {0};
	if (n < r->model.context) { /* also when it could not be counted: the engine will say */
		run_ask(r, RUN_ANSWER);
		return;
	}
	if (run_shorten(r, n, r->model.context, &mine)) {
		run_count_or_ask(r);
		return;
	}
	if (mine.code == ERR_NONE) {
		char text[160]; /* as the engine would have said it, so that the words are in one place */
		snprintf(text, sizeof text,
		         "{\"error\":{\"code\":400,\"type\":\"exceed_context_size_error\",\"message\":\"\","
		         "\"n_prompt_tokens\":%lld,\"n_ctx\":%lld}}",
		         (long long)n, (long long)r->model.context);
		chat_error(400, str_of(text), &r->model, &mine);
	}
	run_end(r, &mine);
}

static void refusal_done(struct engine_run *r);
static bool run_recover(struct engine_run *r, const struct err *e);

/* The end of a count that was asked for. Engines and proxies without that path: 404, 405, 501. */
static void asked_count_done(struct engine_run *r, const struct err *e)
{
	bool unknown = r->status == 404 || r->status == 405 || r->status == 501;
	int64_t n = e->code == ERR_NONE && r->status == 200 ? count_read(buf_str(&r->answer)) : 0;
	if (e->code != ERR_NONE) {
		if (!run_recover(r, e))
			run_end(r, e);
	} else if (r->status != 200 && !unknown) {
		refusal_done(r);
	} else if (n >= r->model.context && run_shorten(r, n, r->model.context, &(struct err){0})) {
		run_count_or_ask(r); /* as the call itself would do */
	} else {
		end_counted(r, n);
	}
}

/* The engine names a member that it does not take: once more without it, or in its other form. */
static bool run_learn(struct engine_run *r, struct str answer)
{
	enum trait which;
	unsigned char value;
	if ((r->status != 400 && r->status != 422) ||
	    !traits_learn(r->model.traits, answer, buf_str(&r->body), &r->taught, &which, &value))
		return false;
	engine_learn(r->engine, which, value);
	struct traits *t = new(r->a, struct traits);
	*t = *r->model.traits;
	t->of[which] = value;
	r->model.traits = t;
	return run_render(r, &(struct err){0});
}

/* An answer that is no stream: an error of the engine, or not what was asked for. */
static void refusal_done(struct engine_run *r)
{
	struct str body = buf_str(&r->answer);
	struct err e = {0};
	int64_t tokens = 4, context = 0, wait = r->retry_after_ms;
	if (r->status == 200) {
		run_end(r, (fail(&e, ERR_ENGINE, NULL, "The engine answered with something that is no event stream."), &e));
		return;
	}
	if (r->status == 503 && wait < 0 && r->ways.llamacpp) {
		engine_lost(r->engine, ENGINE_LOADING, "it is loading its model");
		if (run_requeue(r))
			return;
	} else if (r->status == 429 || r->status == 503) {
		if (run_elsewhere(r, false))
			return;
		if (wait < 0)
			wait = route_backoff_ms(r->attempts);
		if (wait <= engine_limits.retry_wait_ms && run_again(r, wait))
			return;
	}
	if (r->status >= 500 && r->status != 503 && run_elsewhere(r, true))
		return;
	if (run_learn(r, body)) {
		run_count_or_ask(r);
		return;
	}
	chat_error(r->status, body, &r->model, &e);
	if (e.code == ERR_CONTEXT_LENGTH) {
		overflow_read(body, &tokens, &context);
		if (run_shorten(r, tokens, context, &(struct err){0})) {
			run_count_or_ask(r);
			return;
		}
	}
	if (r->demand && r->demand->again && e.code != ERR_ENGINE_BUSY && e.code != ERR_UNAVAILABLE)
		demand_fail((e = (struct err){0}, &e)); /* it is our second form that it does not take */
	if (r->retry_after_ms >= 0 && (e.code == ERR_ENGINE_BUSY || e.code == ERR_UNAVAILABLE))
		e.retry_after_ms = (int)(r->retry_after_ms < INT32_MAX ? r->retry_after_ms : INT32_MAX);
	run_end(r, &e);
}

/* What the connection's failure tells of the engine; true: the call goes on. */
static bool run_recover(struct engine_run *r, const struct err *e)
{
	bool managed = r->engine->config.managed;
	if (e->code == ERR_ENGINE && !r->http.head_seen)
		engine_lost(r->engine, managed ? ENGINE_LOADING : ENGINE_DOWN, e->msg);
	if (e->code == ERR_ENGINE && run_elsewhere(r, r->http.sent))
		return true;
	if (r->http.sent || e->code != ERR_ENGINE)
		return false; /* it may have begun to work */
	return managed ? run_requeue(r) : run_again(r, route_backoff_ms(r->attempts));
}

static void call_on_end(struct http_call *h, const struct err *e)
{
	struct engine_run *r = OWNER(h, struct engine_run, http);
	struct err mine = {0};
	hedge_drop(r->route.hedge);
	if (r->status != 429)
		r->route.end = e->code != ERR_NONE || r->status >= 500 ? SLOT_FAILED : SLOT_WELL;
	if (r->stage == RUN_COUNT) {
		if (r->call->counting)
			asked_count_done(r, e);
		else
			count_done(r, e);
		return;
	}
	if (r->stream) {
		/* A stream that had come to its end is whole, however its connection ended. */
		int member = chat_stream_thoughts(r->stream);
		if (member && r->model.traits->of[TRAIT_THOUGHTS] != member)
			engine_heard(r->engine, (unsigned char)member);
		bool ok = chat_stream_end(r->stream, &r->call->finish, &r->call->usage, &mine);
		r->route.end = ok ? SLOT_WELL : SLOT_FAILED;
		if (r->call && chat_stream_uncalled(r->stream) && demand_again(r->demand, &r->model.caps, &r->call->usage)) {
			r->stream = NULL;
			if (run_render(r, &mine))
				run_count_or_ask(r);
			else
				run_end(r, &mine);
			return;
		}
		demand_end(r->demand);
		if (!r->call)
			return;
		usage_add(&r->call->usage, demand_spent(r->demand));
		if (ok || e->code != ERR_NONE)
			mine = ok ? (struct err){0} : *e;
	} else if (e->code == ERR_NONE) {
		refusal_done(r);
		return;
	} else if (run_recover(r, e)) {
		return;
	} else {
		mine = *e;
	}
	if (mine.msg[0] >= 'a' && mine.msg[0] <= 'z')
		mine.msg[0] = (char)(mine.msg[0] - 'a' + 'A'); /* a client reads it */
	run_end(r, &mine);
}

/* --- the owner's side --- */

static struct engine_run *run_new(struct engine_port *port, struct engine_call *c, struct arena *a,
                                  const struct engine_model *m, struct prompt *p)
{
	assert(!c->run);
	struct engine_run *r = new(a, struct engine_run);
	*r = (struct engine_run){
	    .call = c,
	    .port = port,
	    .engine = &port->engines->list[m->index],
	    .a = a,
	    .model = *m,
	    .prompt = p,
	    .http = {.on_head = call_on_head, .on_body = call_on_body, .on_end = call_on_end},
	};
	r->route = route_to(a, r->engine->fleet, m, p);
	buf_init(&r->body, REQUEST_MAX);
	buf_init(&r->answer, ANSWER_MAX);
	c->run = r;
	c->begun = false;
	c->asked_us = 0;
	c->finish = FINISH_STOP;
	c->usage = (struct usage){0};
	c->served_model = m->name;
	c->served_engine = m->engine;
	return r;
}

void engine_call_start(struct engine_port *port, struct engine_call *c, struct arena *a, const struct engine_model *m,
                       struct prompt *p)
{
	c->counting = false;
	call_run_queue(run_new(port, c, a, m, p), false);
}

void engine_count_start(struct engine_port *port, struct engine_call *c, struct arena *a,
                        const struct engine_model *m, struct prompt *p)
{
	struct engine_run *r = run_new(port, c, a, m, p);
	struct engine *g = slot_hold(r->engine->fleet, &r->route.ask);
	c->counting = true;
	if (g) { /* counting needs no slot, so it waits for none */
		r->engine = g;
		r->route.held = true;
		run_begin(r);
	} else {
		call_run_queue(r, false);
	}
}

void engine_call_pause(struct engine_call *c)
{
	if (!c->run)
		return;
	c->run->paused = true;
	if (c->run->stage == RUN_ANSWER)
		http_call_pause(&c->run->http);
}

void engine_call_resume(struct engine_call *c)
{
	if (!c->run)
		return;
	c->run->paused = false;
	if (c->run->stage == RUN_ANSWER)
		http_call_resume(&c->run->http);
}

void engine_call_cancel(struct engine_call *c)
{
	if (c->run)
		run_stop(c->run);
}
