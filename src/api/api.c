/* api.c - the life of the floor. */
#include "api/api.h"

#include <assert.h>

#include "api/routes.h"
#include "background/background.h"
#include "background/runs.h"
#include "background/worker.h"
#include "base/clock.h"
#include "batches/batch_pump.h"
#include "chat/chat.h"
#include "conversations/conversations.h"
#include "door/attempts.h"
#include "door/file_threads.h"
#include "door/request.h"
#include "door/sign_in.h"
#include "net/reply_setup.h"
#include "relay/relay.h"
#include "news/run_news.h"
#include "replay/replay.h"
#include "store/nodes.h"
#include "turn/turn.h"
#include "webhooks/delivery.h"

/* --- other nodes on the same store --- */

static void api_tell_far(void *ctx, int64_t key, unsigned kind)
{
	struct api *a = ctx;
	store_tell(a->options.store, kind == RUN_CANCEL ? WORD_CANCEL : WORD_RUN, key);
}

static void api_heard(void *ctx, enum store_word word, int64_t key)
{
	struct api *a = ctx;
	if (word == WORD_RUN)
		run_heard(a->news, key, RUN_NEWS);
	else if (word == WORD_CANCEL)
		run_heard(a->news, key, RUN_CANCEL);
	else if (word == WORD_MISSED)
		run_heard_any(a->news);
}

struct api *api_new(const struct api_options *o)
{
	struct api *a = xalloc(sizeof *a);
	struct err e = {0};
	uint8_t secret[32];
	a->options = *o;
	a->began_s = clock_wall_s();
	a->replays = replays_new();
	a->attempts = attempts_new();
	a->sign_ins = sign_ins_new();
	a->news = run_news_new();
	run_news_far(a->news, api_tell_far, a);
	store_hear(o->store, api_heard, a);
	a->runs = runs_new(a->news);
	a->machine = &turn_steps;
	a->background = &background_calls;
	a->route = routes_find;
	store_secret(o->store, "obfuscation", secret);
	reply_setup(secret);
	bool ok = project_find(o->store, S("default"), true, &a->default_project, &e);
	assert(ok); /* the project `default` is made with the store */
	(void)ok;
	return a;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	store_hear(a->options.store, NULL, NULL);
	attempts_free(a->attempts);
	runs_free(a->runs);
	run_news_free(a->news);
	sign_ins_free(a->sign_ins);
	replays_free(a->replays);
	xfree(a);
}

struct sign_ins *api_sign_ins(struct api *a)
{
	return a->sign_ins;
}

struct api_loop *api_attach(struct api *a, struct loop *l, struct store_port *sp, struct engine_port *ep)
{
	struct api_loop *al = xalloc(sizeof *al);
	*al = (struct api_loop){.api = a, .loop = l, .store = sp, .engine = ep};
	al->tools = tools_attach(a->options.tools, l);
	routes_setup(&al->service);
	buf_init(&al->scratch, SIZE_MAX / 2);
	disk_attach(al);
	worker_attach(al);
	outbox_attach(al);
	batches_attach(al);
	return al;
}

void api_detach(struct api_loop *al)
{
	batches_detach(al);
	api_cancel_all(al);
	worker_detach(al);
	tools_detach(al->tools);
	outbox_detach(al);
	disk_detach(al);
	buf_release(&al->scratch);
	xfree(al);
}

struct service *api_service(struct api_loop *al)
{
	return &al->service;
}

void api_drain(struct api *a)
{
	atomic_store(&a->draining, true);
}

size_t api_running(struct api *a)
{
	return atomic_load(&a->running);
}

void api_cancel_all(struct api_loop *al)
{
	for (struct turn *t = al->turns, *next; t; t = next) {
		next = t->next;
		if (t->runner)
			turn_free(t); /* the next start goes on with it */
		else
			turn_cancel(t);
	}
	chats_cancel(al);
	relays_cancel(al);
	conversations_cancel(al);
}
