/* fake_test.h - a scripted engine and a bench with one loop, for the tests of this floor. */
#pragma once
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/test.h"
#include "engine/chat.h"
#include "net/peer_test.h"

#define FAKE_CHUNK(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]}\n\n"
#define FAKE_END                                                                                                     \
	"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"                            \
	"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"
#define FAKE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define FAKE_MODELS "{\"object\":\"list\",\"data\":[{\"id\":\"m1\",\"created\":5,\"owned_by\":\"me\"},{\"id\":\"m2\"}]}"

/* One call and what came of it. */
struct probe {
	struct engine_call call;
	struct arena a;
	struct prompt prompt;
	struct engine_model model;
	int ends, events;
	struct err e;
	struct buf text;
	bool cancel_at_event, pause_at_event;
	int order; /* the how-manyth to end */
};

struct fake {
	struct loop *loop;
	struct peer peer;
	struct engines *engines;
	struct engine_port *port;
	struct engine_config config;
	struct engines_config all;
	struct timer watchdog, step;
	char url[64];
	const char *props; /* body of /props; NULL: 404 */
	int props_status, chats, looks, ended, stop_after;
	struct buf heard; /* the last chat request */
	void (*chat)(struct peer_conn *, struct str request);
};

static struct fake fake;

static void fake_json(struct peer_conn *pc, int status, const char *headers, const char *body)
{
	struct arena a = {0};
	conn_write(&pc->conn, str_fmt(&a, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
	                              status, str_of(body).n, headers, body));
	arena_free(&a);
}

static void fake_piece(struct peer_conn *pc, struct str s)
{
	struct arena a = {0};
	if (s.n)
		conn_write(&pc->conn, str_fmt(&a, "%zx\r\n%.*s\r\n", s.n, FMT(s)));
	arena_free(&a);
}

static void fake_stream(struct peer_conn *pc, const char *events)
{
	peer_say(pc, FAKE_HEAD);
	fake_piece(pc, str_of(events));
	peer_say(pc, "0\r\n\r\n");
}

static void fake_chat_ok(struct peer_conn *pc, struct str request)
{
	fake_stream(pc, FAKE_CHUNK("he") FAKE_CHUNK("llo") FAKE_END);
}

static void fake_answer(struct peer *p, struct peer_conn *pc, struct str request)
{
	if (str_starts(request, S("GET /props"))) {
		fake.looks++;
		fake_json(pc, fake.props_status, "", fake.props ? fake.props : "{}");
	} else if (str_starts(request, S("GET /v1/models"))) {
		fake_json(pc, 200, "", FAKE_MODELS);
	} else {
		fake.chats++;
		buf_clear(&fake.heard);
		buf_add(&fake.heard, request);
		fake.chat(pc, request);
	}
}

static void fake_hang(struct timer *t)
{
	CHECK(!"the test hangs");
	loop_stop(fake.loop);
}

static void fake_step(struct timer *t)
{
	loop_stop(fake.loop);
}

static void fake_run(void)
{
	timer_start(fake.loop, &fake.watchdog, 20000, fake_hang);
	loop_run(fake.loop);
	timer_cancel(&fake.watchdog);
}

static void fake_run_ms(int64_t ms)
{
	timer_start(fake.loop, &fake.step, ms, fake_step);
	fake_run();
	timer_cancel(&fake.step);
}

/* Opens loop and peer; fake_engines() follows, with fake.config and fake.all set as the test likes. */
static void fake_open(void (*chat)(struct peer_conn *, struct str))
{
	struct err e = {0};
	fake = (struct fake){.chat = chat, .props_status = 404};
	buf_init(&fake.heard, 1 << 28);
	CHECK(loop_open(&fake.loop, &e));
	peer_open(&fake.peer, fake.loop, NULL, fake_answer);
	snprintf(fake.url, sizeof fake.url, "http://127.0.0.1:%d", fake.peer.port);
	fake.config = (struct engine_config){.name = S("fake"), .url = str_of(fake.url), .temperature = -1};
	fake.all = (struct engines_config){.engines = &fake.config, .n = 1};
}

static void fake_engines(bool watch)
{
	struct err e = {0};
	CHECK(engines_open(&fake.all, &fake.engines, &e));
	fake.port = engine_attach(fake.engines, fake.loop);
	if (!watch)
		return;
	engines_watch(fake.port);
	for (int i = 0; i < 5000 && !engines_ready(fake.engines, &(struct err){0}); i++)
		fake_run_ms(1);
}

static void fake_close(void)
{
	engine_detach(fake.port);
	peer_close(&fake.peer);
	loop_close(fake.loop);
	peer_free(&fake.peer);
	engines_close(fake.engines);
	buf_release(&fake.heard);
}

static void probe_event(struct engine_call *c, const struct model_event *ev)
{
	struct probe *p = OWNER(c, struct probe, call);
	p->events++;
	if (ev->kind == ME_TEXT)
		buf_add(&p->text, ev->text);
	if (p->cancel_at_event) {
		engine_call_cancel(c);
		fake_step(NULL);
	}
	if (p->pause_at_event)
		engine_call_pause(c);
	p->pause_at_event = false;
}

static void probe_end(struct engine_call *c, const struct err *e)
{
	struct probe *p = OWNER(c, struct probe, call);
	CHECK(!c->run);
	p->ends++;
	p->e = *e;
	p->order = ++fake.ended;
	if (fake.ended >= fake.stop_after)
		loop_stop(fake.loop);
}

/* Finds `model`, asks "hello" and starts; the test runs the loop. */
static void probe_start(struct probe *p, const char *model)
{
	struct err e = {0};
	if (!p->prompt.n)
		prompt_add_text(&p->a, prompt_add(&p->a, &p->prompt, ROLE_USER), S("hello"));
	if (!p->text.max)
		buf_init(&p->text, 1 << 20);
	CHECK(engine_find(fake.engines, &p->a, str_of(model), &p->model, &e));
	p->call.on_event = probe_event;
	p->call.on_end = probe_end;
	engine_call_start(fake.port, &p->call, &p->a, &p->model, &p->prompt);
	CHECK(p->ends == 0 && p->events == 0 && p->call.run);
}

static void probe_run(struct probe *p, const char *model)
{
	fake.stop_after = fake.ended + 1;
	probe_start(p, model);
	fake_run();
}

static void probe_free(struct probe *p)
{
	buf_release(&p->text);
	arena_free(&p->a);
	*p = (struct probe){0};
}
