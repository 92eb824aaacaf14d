/* replay_test.c - events kept for streaming again: order, packing, followers on other loops, bounds. */
#include "replay/replay.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "door/options.h"
#include "base/clock.h"
#include "base/test.h"

enum { EVENTS = 5000 };

static struct str event_text(char out[128], int i)
{
	int n = snprintf(out, 128, "{\"type\":\"response.output_text.delta\",\"sequence_number\":%d,\"delta\":\"word%d\"}", i, i * 7);
	return (struct str){out, (size_t)n};
}

static void add(struct replay *r, int from, int to)
{
	char text[128];
	for (int i = from; i < to; i++)
		replay_add(r, EV_TEXT_DELTA, i, 5, event_text(text, i));
}

struct reading {
	struct follower f;
	struct loop *loop;
	int got, bad;
	bool ended;
};

static void read_all(struct reading *w)
{
	char text[128];
	struct replay_event ev;
	while (follow_next(&w->f, &ev, &w->ended)) {
		w->bad += ev.seq != w->got || !str_eq(ev.json, event_text(text, w->got)) || ev.delta != 5;
		w->got++;
	}
}

static void on_more(struct follower *f)
{
	struct reading *w = OWNER(f, struct reading, f);
	read_all(w);
	if (w->ended)
		loop_stop(w->loop);
}

static void begin(struct reading *w, struct replays *rs)
{
	struct err e = {0};
	*w = (struct reading){0};
	CHECK(loop_open(&w->loop, &e));
	CHECK(follow_start(rs, 1, S("resp_a"), w->loop, &w->f, on_more));
}

static void end(struct reading *w)
{
	CHECK(w->got == EVENTS && w->bad == 0 && w->ended);
	follow_stop(&w->f);
	loop_close(w->loop);
}

static void *run_loop(void *arg)
{
	struct reading *w = arg;
	read_all(w);
	if (!w->ended)
		loop_run(w->loop);
	return NULL;
}

static void late_and_early_readers_get_the_same(void)
{
	struct replays *rs = replays_new();
	struct replay *r = replay_begin(rs, 1, S("resp_a"), true);
	struct reading early, late;
	pthread_t thread;
	begin(&early, rs);
	CHECK(!follow_start(rs, 2, S("resp_a"), early.loop, &late.f, on_more)); /* another project's */
	pthread_create(&thread, NULL, run_loop, &early);
	add(r, 0, EVENTS);
	CHECK(replay_followed(r));
	replay_end(r);
	pthread_join(thread, NULL);
	end(&early);
	begin(&late, rs);
	CHECK(follow_ended(&late.f) && follow_obfuscated(&late.f));
	read_all(&late);
	end(&late);
	replays_free(rs);
}

static void a_reader_may_stop_at_any_time(void)
{
	struct replays *rs = replays_new();
	for (int n = 0; n < 200; n += 9) {
		struct replay *r = replay_begin(rs, 1, S("resp_a"), false);
		struct reading w;
		begin(&w, rs);
		add(r, 0, n);
		read_all(&w);
		CHECK(w.got == n && !w.ended);
		add(r, n, n + 1); /* a post is under way to a follower that stops now */
		follow_stop(&w.f);
		replay_end(r);
		loop_stop(w.loop);
		loop_run(w.loop);
		loop_close(w.loop);
	}
	replays_free(rs);
}

static bool there(struct replays *rs, struct loop *l, int i)
{
	struct follower f = {0};
	char id[32];
	struct str s = {id, (size_t)snprintf(id, sizeof id, "resp_%d", i)};
	bool found = follow_start(rs, 1, s, l, &f, on_more);
	if (found)
		follow_stop(&f);
	return found;
}

static void store_some(struct replays *rs, int from, int to)
{
	char id[32];
	for (int i = from; i < to; i++) {
		struct replay *r = replay_begin(rs, 1, (struct str){id, (size_t)snprintf(id, sizeof id, "resp_%d", i)}, false);
		add(r, 0, 30);
		replay_end(r);
	}
}

static void the_oldest_go_first(void)
{
	struct replays *rs = replays_new();
	struct err e = {0};
	struct loop *l;
	CHECK(loop_open(&l, &e));
	int64_t kept = api_limits.replay_bytes;
	api_limits.replay_bytes = 20000;
	store_some(rs, 0, 200);
	CHECK(!there(rs, l, 0) && there(rs, l, 199));
	api_limits.replay_bytes = kept;
	clock_fake(clock_mono_us() + (api_limits.replay_seconds + 1) * 1000000);
	store_some(rs, 200, 201);
	CHECK(!there(rs, l, 199) && there(rs, l, 200));
	clock_fake(0);
	replays_free(rs);
	loop_close(l);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"late and early readers get the same events", late_and_early_readers_get_the_same},
		{"a reader may stop at any time", a_reader_may_stop_at_any_time},
		{"the oldest go first, by bytes and by age", the_oldest_go_first},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
