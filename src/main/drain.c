/* drain.c - the way out: signals, then each loop finishes what it has.
 *
 * On the first signal new work is refused (503) while running turns go on for at most api.drain_seconds;
 * what then still runs is cancelled and saved. When nothing runs, the listeners close, answers under way get
 * a short time to leave, and the loop stops. */
#include "main/drain.h"

#include <signal.h>
#include <uv.h>

#include "base/log.h"
#include "main/app.h"
#include "main/notify.h"

enum { TICK_MS = 10, LEAVE_MS = 1000, SAVE_MS = 5000 };

static const int drain_signals[] = {SIGTERM, SIGINT, SIGHUP};
enum { N_SIGNALS = sizeof drain_signals / sizeof *drain_signals };

struct signals {
	struct app *app;
	uv_signal_t handles[N_SIGNALS];
};

/* Has this loop still something that must be waited for? */
static bool turns_left(struct app_loop *l, int64_t now)
{
	struct app *app = l->app;
	if (!api_running(app->api))
		return false;
	if (!atomic_load(&app->hurry) && now < l->give_up_ms)
		return true;
	if (!l->cancelled) {
		l->cancelled = true;
		l->give_up_ms = now;
		api_cancel_all(l->api);
		log_at(LOG_WARN, "drain time is over, turns cancelled", "left=%zu", api_running(app->api));
	}
	return now < l->give_up_ms + SAVE_MS;
}

static void drain_on_tick(struct timer *timer)
{
	struct app_loop *l = OWNER(timer, struct app_loop, tick);
	struct app *app = l->app;
	int64_t now = loop_now_ms(l->loop);
	bool first = l == &app->loops[0];
	if (!l->closing && !turns_left(l, now)) {
		l->closing = true;
		l->close_ms = now + (atomic_load(&app->hurry) ? 0 : LEAVE_MS);
		server_drain(l->server);
		if (first && app->owners.admin)
			admin_drain(app->owners.admin);
	}
	bool busy = server_busy(l->server) || (first && app->owners.admin && admin_busy(app->owners.admin));
	if (l->closing && (!busy || now >= l->close_ms || atomic_load(&app->hurry)))
		loop_stop(l->loop);
	else
		timer_start(l->loop, &l->tick, TICK_MS, drain_on_tick);
}

static void drain_on_begin(struct post *p)
{
	struct app_loop *l = OWNER(p, struct app_loop, begin_drain);
	l->give_up_ms = loop_now_ms(l->loop) + l->app->args->config.api_drain_seconds * 1000;
	timer_start(l->loop, &l->tick, 0, drain_on_tick);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct signals *s = handle->data;
	struct app *app = s->app;
	if (atomic_exchange(&app->draining, true)) {
		atomic_store(&app->hurry, true);
		return;
	}
	log_at(LOG_INFO, "draining", "signal=%d running=%zu", number, api_running(app->api));
	notify_manager(S("STOPPING=1"));
	api_drain(app->api);
	for (size_t i = 0; i < app->n_loops; i++) {
		app->loops[i].begin_drain.run = drain_on_begin;
		loop_post(app->loops[i].loop, &app->loops[i].begin_drain);
	}
}

void signals_watch(struct app *app)
{
	struct signals *s = xalloc(sizeof *s);
	s->app = app;
	app->signals = s;
	for (int i = 0; i < N_SIGNALS; i++) {
		uv_signal_init(loop_uv(app->loops[0].loop), &s->handles[i]);
		s->handles[i].data = s;
		uv_signal_start(&s->handles[i], on_signal, drain_signals[i]);
		uv_unref((uv_handle_t *)&s->handles[i]);
	}
}

void signals_close(struct app *app)
{
	xfree(app->signals); /* loop_close() has closed the handles */
	app->signals = NULL;
}
