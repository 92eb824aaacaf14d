/* engine_test.c - the engine table: names, aliases, states, the queue, two loops. */
#include <pthread.h>

#include "engine/fake_test.h"

/* --- names --- */

static void two_engines(struct engine_config *g, struct str *first, struct str *second)
{
	first[0] = S("alpha");
	first[1] = S("gpt-real");
	second[0] = S("beta");
	second[1] = S("alpha");
	g[0] = (struct engine_config){.name = S("one"), .url = S("http://127.0.0.1:1"), .models = first, .n_models = 2};
	g[1] = (struct engine_config){.name = S("two"), .url = S("http://127.0.0.1:2/v1"), .models = second, .n_models = 2};
}

static void check_find(struct engines *s, const char *name, const char *want, const char *engine, bool aliased)
{
	struct arena a = {0};
	struct engine_model m = {0};
	struct err e = {0};
	CHECK(engine_find(s, &a, str_of(name), &m, &e));
	CHECK_STR(m.name, str_of(want));
	CHECK_STR(m.engine, str_of(engine));
	CHECK(m.aliased == aliased && !m.pending && m.caps && m.pass);
	arena_free(&a);
}

static void finds_models(void)
{
	struct engine_config g[2];
	struct str first[2], second[2];
	struct engine_alias aliases[] = {{S("o[0-9]*"), S("beta")},
	                                 {S("gpt-*"), {0}},
	                                 {S("codex-*"), S("nowhere")},
	                                 {S("codex-*"), S("beta")}};
	two_engines(g, first, second);
	struct engines_config c = {.engines = g, .n = 2, .aliases = aliases, .n_aliases = 4};
	struct engines *s;
	struct err e = {0};
	CHECK(engines_open(&c, &s, &e));
	check_find(s, "beta", "beta", "two", false);
	check_find(s, "alpha", "alpha", "one", false);
	check_find(s, "gpt-real", "gpt-real", "one", false); /* exact before alias */
	check_find(s, "gpt-4o", "alpha", "one", true);
	check_find(s, "o3-mini", "beta", "two", true);
	check_find(s, "codex-mini", "beta", "two", true); /* an alias that leads nowhere is passed over */
	struct arena a = {0};
	struct engine_model m, *all;
	CHECK(!engine_find(s, &a, S("nope"), &m, &e) && e.code == ERR_MODEL_NOT_FOUND);
	CHECK_STR(str_of(e.msg), S("The requested model 'nope' does not exist."));
	CHECK_STR(str_of(e.param), S("model"));
	CHECK(engine_models(s, &a, &all) == 3);
	CHECK_STR(all[2].name, S("beta"));
	arena_free(&a);
	engines_close(s);
	c.default_model = S("beta");
	CHECK(engines_open(&c, &s, &e));
	check_find(s, "gpt-4o", "beta", "two", true);
	engines_close(s);
}

static void refuses_bad_configurations(void)
{
	struct engine_config g = {.name = S("x"), .url = S("ftp://h")};
	struct engines_config c = {.engines = &g, .n = 1};
	struct engines *s;
	struct err e = {0};
	CHECK(!engines_open(&c, &s, &e) && e.code == ERR_CONFIG);
	e = (struct err){0};
	g.url = S("http://h");
	g.key = S("sk-1\r\nX-Evil: 1");
	CHECK(!engines_open(&c, &s, &e) && e.code == ERR_CONFIG);
}

static void is_not_ready_without_engines(void)
{
	struct engine_config g = {.name = S("x"), .url = S("http://127.0.0.1:1"), .managed = true,
	                          .default_model = S("small")};
	struct engine_alias alias = {S("gpt-*"), {0}};
	struct engines_config c = {.engines = &g, .n = 1, .aliases = &alias, .n_aliases = 1};
	struct engines *s;
	struct err e = {0};
	struct arena a = {0};
	struct engine_model m;
	CHECK(engines_open(&c, &s, &e));
	CHECK(!engines_ready(s, &e) && strstr(e.msg, "loading"));
	check_find(s, "small", "small", "x", false); /* taken as there while it loads */
	check_find(s, "gpt-4o", "small", "x", true);
	CHECK(!engine_find(s, &a, S("other"), &m, &(struct err){0}));
	engines_close(s);
	g.default_model = (struct str){0};
	CHECK(engines_open(&c, &s, &e));
	CHECK(engine_find(s, &a, S("gpt-4o"), &m, &e) && m.pending);
	arena_free(&a);
	engines_close(s);
}

/* --- discovery --- */

static void discovers_models(void)
{
	struct arena a = {0};
	struct engine_model m, *all;
	struct err e = {0};
	fake_open(fake_chat_ok);
	fake.config.key = S("sk-secret");
	fake_engines(true);
	CHECK(engine_models(fake.engines, &a, &all) == 2);
	CHECK_STR(all[0].name, S("m1"));
	CHECK_STR(all[0].owned_by, S("me"));
	CHECK_STR(all[1].owned_by, S("fake"));
	CHECK(all[0].created == 5 && all[1].created > 0);
	CHECK(engine_find(fake.engines, &a, S("m2"), &m, &e) && m.tools && m.vision);
	struct probe p = {0};
	probe_run(&p, "m2");
	CHECK(memmem(fake.heard.p, fake.heard.n, "\r\nAuthorization: Bearer sk-secret\r\n", 33));
	probe_free(&p);
	arena_free(&a);
	fake_close();
}

static void waits_for_a_loading_engine(void)
{
	struct probe p = {0};
	fake_open(fake_chat_ok);
	fake.props_status = 503;
	struct engine_alias alias = {S("gpt-*"), {0}};
	fake.all.aliases = &alias;
	fake.all.n_aliases = 1;
	CHECK(engines_open(&fake.all, &fake.engines, &p.e));
	fake.port = engine_attach(fake.engines, fake.loop);
	engines_watch(fake.port);
	fake.stop_after = 1;
	probe_start(&p, "gpt-4o"); /* nothing is known of it yet */
	CHECK(p.model.pending);
	while (fake.looks < 3 && !test_failed)
		fake_run_ms(1);
	CHECK(fake.chats == 0 && p.ends == 0);
	fake.props_status = 404;
	fake_run();
	CHECK(p.e.code == ERR_NONE && fake.chats == 1);
	CHECK_STR(p.call.served_model, S("m1"));
	CHECK(memmem(fake.heard.p, fake.heard.n, "\"model\":\"m1\"", 12));
	probe_free(&p);
	fake_close();
}

static void does_not_wait_for_ever(void)
{
	struct probe p = {0};
	int64_t wait = engine_limits.start_wait;
	engine_limits.start_wait = 0;
	fake_open(fake_chat_ok);
	fake.props_status = 503;
	fake.config.models = &(struct str)STR("m1");
	fake.config.n_models = 1;
	CHECK(engines_open(&fake.all, &fake.engines, &p.e));
	fake.port = engine_attach(fake.engines, fake.loop);
	engines_watch(fake.port);
	while (fake.looks < 2 && !test_failed)
		fake_run_ms(1);
	engine_limits.queue_seconds = 0; /* looked at, at once */
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_UNAVAILABLE && p.e.retry_after_ms > 0 && fake.chats == 0);
	engine_limits.queue_seconds = 300;
	engine_limits.start_wait = wait;
	probe_free(&p);
	fake_close();
}

static void settles_pending_names(void)
{
	struct probe p = {0};
	fake_open(fake_chat_ok);
	CHECK(engines_open(&fake.all, &fake.engines, &p.e));
	fake.port = engine_attach(fake.engines, fake.loop);
	engines_watch(fake.port);
	probe_run(&p, "not-a-model");
	CHECK(p.model.pending && p.e.code == ERR_MODEL_NOT_FOUND && fake.chats == 0);
	probe_free(&p);
	fake_close();
}

/* --- the queue --- */

static int running, most_running;

static void say_late(struct timer *t)
{
	running--;
	fake_chat_ok(OWNER(t, struct peer_conn, later), S(""));
}

static void chat_slow(struct peer_conn *pc, struct str request)
{
	running++;
	most_running = running > most_running ? running : most_running;
	timer_start(fake.loop, &pc->later, 2, say_late);
}

static void serves_in_order_and_bounds_the_queue(void)
{
	struct probe p[6] = {0};
	int64_t queue = engine_limits.queue;
	engine_limits.queue = 3;
	fake_open(chat_slow);
	fake.config.concurrency = 2;
	fake_engines(true);
	running = most_running = 0;
	fake.stop_after = 6;
	for (int i = 0; i < 6; i++) /* two run, three wait, one is too many */
		probe_start(&p[i], "m1");
	fake_run();
	CHECK(most_running == 2 && fake.chats == 5);
	for (int i = 0; i < 5; i++)
		CHECK(p[i].e.code == ERR_NONE && p[i].ends == 1);
	CHECK(p[2].order < p[4].order);
	CHECK(p[5].e.code == ERR_ENGINE_BUSY && p[5].e.retry_after_ms >= 1000 && p[5].order == 1);
	for (int i = 0; i < 6; i++)
		probe_free(&p[i]);
	engine_limits.queue = queue;
	fake_close();
}

/* A thread with a loop of its own that makes calls one after the other, some of them cancelled. */
struct side {
	pthread_t thread;
	struct loop *loop;
	struct engine_port *port;
	struct engine_call call;
	struct arena a;
	struct prompt prompt;
	struct engine_model model;
	struct deferred next;
	struct timer cut;
	int left, good, bad;
	bool last;
};

enum { SIDES = 2, SIDE_CALLS = 40 };
static struct side sides[SIDES];
static _Atomic int sides_left;

static void side_next(struct deferred *d);

static void side_event(struct engine_call *c, const struct model_event *ev)
{
}

static void side_end(struct engine_call *c, const struct err *e)
{
	struct side *s = OWNER(c, struct side, call);
	timer_cancel(&s->cut);
	if (e->code == ERR_NONE)
		s->good++;
	else
		s->bad++;
	defer_start(s->loop, &s->next, side_next);
}

static void side_cut(struct timer *t)
{
	struct side *s = OWNER(t, struct side, cut);
	engine_call_cancel(&s->call);
	s->good++;
	defer_start(s->loop, &s->next, side_next);
}

static void side_next(struct deferred *d)
{
	struct side *s = OWNER(d, struct side, next);
	arena_free(&s->a);
	if (s->left-- == 0) {
		loop_stop(s->loop);
		return;
	}
	s->prompt = (struct prompt){0};
	prompt_add_text(&s->a, prompt_add(&s->a, &s->prompt, ROLE_USER), S("hello"));
	if (!engine_find(fake.engines, &s->a, S("m1"), &s->model, &(struct err){0}))
		s->bad++;
	engine_call_start(s->port, &s->call, &s->a, &s->model, &s->prompt);
	if (s->left % 3 == 0)
		timer_start(s->loop, &s->cut, s->left % 5, side_cut);
}

static void side_stop_main(struct post *p)
{
	xfree(p);
	loop_stop(fake.loop);
}

static void *side_run(void *arg)
{
	struct side *s = arg;
	struct err e = {0};
	loop_open(&s->loop, &e);
	s->port = engine_attach(fake.engines, s->loop);
	s->call.on_event = side_event;
	s->call.on_end = side_end;
	s->left = SIDE_CALLS;
	defer_start(s->loop, &s->next, side_next);
	loop_run(s->loop);
	engine_detach(s->port);
	loop_close(s->loop);
	if (--sides_left == 0) {
		struct post *p = xalloc(sizeof *p);
		p->run = side_stop_main;
		loop_post(fake.loop, p);
	}
	return NULL;
}

static void shares_slots_between_loops(void)
{
	fake_open(chat_slow);
	fake.config.concurrency = 1;
	fake_engines(true);
	running = most_running = 0;
	sides_left = SIDES;
	memset(sides, 0, sizeof sides);
	for (int i = 0; i < SIDES; i++)
		pthread_create(&sides[i].thread, NULL, side_run, &sides[i]);
	fake_run();
	for (int i = 0; i < SIDES; i++) {
		pthread_join(sides[i].thread, NULL);
		CHECK(sides[i].good == SIDE_CALLS && sides[i].bad == 0);
	}
	struct probe p = {0};
	probe_run(&p, "m1"); /* no slot is lost */
	CHECK(p.e.code == ERR_NONE);
	probe_free(&p);
	fake_close();
}

int main(void)
{
	static const struct test_case tests[] = {
		{"finds models", finds_models},
		{"refuses bad configurations", refuses_bad_configurations},
		{"is not ready without engines", is_not_ready_without_engines},
		{"discovers models", discovers_models},
		{"waits for a loading engine", waits_for_a_loading_engine},
		{"does not wait for ever", does_not_wait_for_ever},
		{"settles pending names", settles_pending_names},
		{"serves in order and bounds the queue", serves_in_order_and_bounds_the_queue},
		{"shares slots between loops", shares_slots_between_loops},
	};
	log_setup(LOG_ERROR, false);
	return test_main(tests, sizeof tests / sizeof *tests);
}
