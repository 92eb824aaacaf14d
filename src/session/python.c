/* python.c - a call of Python in a session. */
#include "session/python.h"

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "session/keeper.h"
#include "session/limits.h"
#include "session/table.h"

enum { TICK_MS = 50, AGAIN_US = 400000, HEAD = 200 };

struct python_call {
	struct sessions *sessions;
	struct session *at;
	struct box *box;
	struct interpreter *py;
	const _Atomic bool *stop;
	struct session_result *ret;
	int64_t until_us, kill_us, again_us; /* kill_us 0: not interrupted yet */
};

static void python_interrupt(struct python_call *c, const char *why)
{
	int64_t now = clock_mono_us();
	if (!c->kill_us) {
		c->kill_us = now + session_limits.stop_ms * 1000;
		snprintf(c->ret->why, sizeof c->ret->why, "%s", why);
	}
	if (now >= c->again_us) /* again, since code may catch it */
		order_signal(&c->py->program, SIGINT);
	if (now >= c->again_us)
		c->again_us = now + AGAIN_US;
	if (now >= c->kill_us)
		box_kill(c->box, BOX_TIME);
}

static void python_look_at_bounds(struct python_call *c)
{
	char text[160] = "Interrupted: its time was over.";
	if (c->py->talk.left_out)
		snprintf(text, sizeof text, "Interrupted: it printed more than %lld bytes.",
			 (long long)session_limits.output_bytes);
	else if (c->stop && atomic_load(c->stop))
		snprintf(text, sizeof text, "Interrupted: it was cancelled.");
	if (c->kill_us || c->py->talk.left_out || (c->stop && atomic_load(c->stop)) || clock_mono_us() >= c->until_us)
		python_interrupt(c, text);
}

/* --- what came of it --------------------------------------------------------------------------------------- */

/* The interpreter is gone: because its box is, or alone. */
static void python_lost(struct python_call *c)
{
	struct session_result *r = c->ret;
	int status, said = 1;
	/* Whichever is gone, its status file says so; and of a box that died the keeper knows soon. */
	for (int64_t until = clock_mono_us() + session_limits.stop_ms * 1000; clock_mono_us() < until && said == 1;) {
		said = order_ended(&c->py->program, &status);
		if (said == 1)
			poll(NULL, 0, 1);
		if (said == 1 && c->py->talk.bad)
			order_signal(&c->py->program, SIGKILL);
	}
	r->end = SESSION_LOST;
	if (said != 0)
		box_kill(c->box, BOX_DIED);
	if (atomic_load(&c->box->why) != BOX_LIVES || said != 0)
		box_say_why(c->box, r->why);
	else if (c->py->talk.bad)
		snprintf(r->why, sizeof r->why, "The interpreter was killed: it wrote what only its driver may write.");
	else if (WIFSIGNALED(status))
		snprintf(r->why, sizeof r->why, "The interpreter was killed by signal %d (%s).", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(r->why, sizeof r->why, "The interpreter ended itself with status %d.", WEXITSTATUS(status));
}

static void python_run(struct python_call *c, const struct session_ears *ears, struct str code)
{
	struct buf b;
	unsigned char random[TALK_NONCE / 2];
	char nonce[TALK_NONCE + 1];
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(nonce, sizeof nonce, random, sizeof random);
	buf_init(&b, code.n + HEAD);
	buf_fmt(&b, "run %s %zu %lld %lld %lld\n", nonce, code.n, (long long)session_limits.output_bytes,
		(long long)session_limits.image_bytes, (long long)session_limits.images);
	buf_add(&b, code);
	c->py->send = buf_str(&b);
	c->py->used = true;
	talk_begin(&c->py->talk, ears, nonce);
	bool there = true;
	while (there && !c->py->talk.ended) {
		there = interpreter_turn(c->py);
		if (!c->py->talk.ended)
			python_look_at_bounds(c);
	}
	bool ended = c->py->talk.ended;
	c->py->send = (struct str){0};
	talk_finish(&c->py->talk);
	c->ret->left_out = c->py->talk.left_out;
	buf_release(&b);
	if (!ended)
		python_lost(c);
	else
		c->ret->end = c->kill_us ? SESSION_INTERRUPTED : c->py->talk.raised ? SESSION_RAISED : SESSION_OK;
}

/* Waits until it is this call's turn. */
static bool python_queue(struct python_call *c, struct session_waiter *me, struct err *e)
{
	struct sessions *s = c->sessions;
	bool ok = true;
	pthread_mutex_lock(&s->lock);
	struct session_waiter **last = &c->at->queue;
	while (*last)
		last = &(*last)->next;
	*last = me;
	while (ok && c->at->queue != me) {
		keeper_wait(s, TICK_MS);
		ok = c->at->queue == me ||
		     (clock_mono_us() < c->until_us ||
		      fail(e, ERR_REQUEST_TIMEOUT, NULL, "earlier calls in this session took all of the time"));
		ok = ok && (!(c->stop && atomic_load(c->stop)) || fail(e, ERR_REQUEST_TIMEOUT, NULL, "cancelled"));
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

static void python_unqueue(struct python_call *c, struct session_waiter *me)
{
	pthread_mutex_lock(&c->sessions->lock);
	struct session_waiter **at = &c->at->queue;
	while (*at != me)
		at = &(*at)->next;
	*at = me->next;
	pthread_cond_broadcast(&c->sessions->changed);
	pthread_mutex_unlock(&c->sessions->lock);
}

/* In its turn: with a box and an interpreter. */
static bool python_call(struct python_call *c, const struct session_where *w, struct str code,
			const struct session_ears *ears, struct err *e)
{
	struct sessions *s = c->sessions;
	c->box = table_box(s, c->at, w, true, c->until_us, c->stop, e);
	if (!c->box)
		return false;
	if (c->py->box && c->py->box != c->box) { /* it was in another, which is gone */
		box_say_why(c->py->box, c->at->lost);
		interpreter_forget(c->py);
	}
	int status;
	if (c->py->box && order_ended(&c->py->program, &status) != 1) {
		snprintf(c->at->lost, sizeof c->at->lost, "The interpreter ended between two calls.");
		interpreter_forget(c->py);
	}
	table_busy(s, c->box);
	bool ok = c->py->box || (interpreter_start(&s->kind, c->box, c->py, e) && interpreter_ready(c->py, c->stop, e));
	if (ok && !c->py->used) {
		c->ret->fresh = true;
		snprintf(c->ret->before, sizeof c->ret->before, "%s", c->at->lost);
		*c->at->lost = 0;
	}
	if (ok)
		python_run(c, ears, code);
	atomic_fetch_sub(&c->box->calls, 1);
	if (ok && c->ret->end == SESSION_LOST)
		snprintf(c->at->lost, sizeof c->at->lost, "%s", c->ret->why);
	if (!ok || c->ret->end == SESSION_LOST)
		interpreter_forget(c->py);
	return ok;
}

bool session_python(struct sessions *s, const struct session_where *w, struct str code, int64_t timeout_ms,
		    const _Atomic bool *stop, const struct session_ears *ears, struct session_result *ret,
		    struct err *e)
{
	*ret = (struct session_result){0};
	if ((int64_t)code.n > session_limits.code_bytes)
		return fail(e, ERR_INVALID_VALUE, NULL, "the code has %zu bytes, at most %lld", code.n,
			    (long long)session_limits.code_bytes);
	struct python_call c = {.sessions = s,
				.stop = stop,
				.ret = ret,
				.until_us =
				    clock_mono_us() + 1000 * (timeout_ms > 0 ? timeout_ms : session_limits.call_ms)};
	c.at = table_enter(s, w);
	c.py = &c.at->python;
	struct session_waiter me = {0};
	bool ok = python_queue(&c, &me, e) && python_call(&c, w, code, ears, e);
	python_unqueue(&c, &me);
	if (c.box)
		box_drop(c.box);
	table_leave(s, c.at);
	return ok;
}
