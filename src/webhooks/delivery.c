/* delivery.c - the delivery of webhooks. */
#include "webhooks/delivery.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/webhook.h"
#include "news/run_news.h"
#include "store/nodes.h"

enum { AGAIN_MS = 5000, LOOK_MS = 60000, EVENT_BYTES = 4096 };

/* One delivery under way; lives in the arena of its sending. */
struct outgoing {
	struct sending sending;
	struct outbox *outbox;
	struct outgoing *next, *prev;
	struct delivery d;
	struct store_op op;
};

struct outbox {
	struct api_loop *api;
	struct run_watch news;
	struct timer tick;
	struct deferred wake;
	struct store_op find;
	struct delivery_query query;
	struct delivery_list found;
	struct arena page;
	struct outgoing *under_way;
	size_t n_under_way;
	int64_t last;        /* the endpoint that was sent to last: others come before it */
	bool again;          /* woken while it was looking */
	uint8_t id_key[32];
};

static void wake(struct outbox *b);

/* --- one delivery --- */

static void outgoing_free(struct outgoing *o)
{
	struct outbox *b = o->outbox;
	store_cancel(&o->op);
	if (o->prev)
		o->prev->next = o->next;
	else
		b->under_way = o->next;
	if (o->next)
		o->next->prev = o->prev;
	b->n_under_way--;
	struct arena a = o->sending.arena;
	arena_free(&a);
}

static void delivery_on_tick(struct timer *t)
{
	wake(OWNER(t, struct outbox, tick));
}

static void delivery_on_kept(struct store_op *op, const struct err *e)
{
	struct outgoing *o = OWNER(op, struct outgoing, op);
	struct outbox *b = o->outbox;
	outgoing_free(o);
	if (e->code == ERR_NONE) {
		wake(b);
		return;
	}
	log_at(LOG_ERROR, "the outcome of a webhook could not be kept", "error=\"%s\"", e->msg);
	timer_start(b->api->loop, &b->tick, AGAIN_MS, delivery_on_tick);
}

/* Twice as long after each failure, give or take a fifth, so that what failed together does not come back together. */
static int64_t wait_ms(int64_t tries)
{
	int64_t most = api_limits.webhook_retry_most_ms, ms = api_limits.webhook_retry_ms;
	for (int64_t i = 0; i < tries && ms < most; i++)
		ms *= 2;
	if (ms > most)
		ms = most;
	return ms - ms / 5 + (int64_t)randombytes_uniform((uint32_t)(ms / 5 * 2 + 1));
}

static void tell_failure(const struct outgoing *o, int64_t due_ms)
{
	char event[ID_MAX], endpoint[ID_MAX];
	const struct sending *s = &o->sending;
	log_at(due_ms ? LOG_WARN : LOG_ERROR, due_ms ? "a webhook was not delivered" : "a webhook is given up",
	       "event=%.*s endpoint=%.*s fault=%s status=%d tries=%lld dropped=%lld reason=\"%s\"",
	       FMT(id_text(event, "evt", &o->d.event)), FMT(id_text(endpoint, "whe", &o->d.endpoint)),
	       fetch_fault_name(s->fault), s->status, (long long)o->d.tries + 1, (long long)o->d.dropped, s->why);
}

static void delivery_on_sent(struct sending *s)
{
	struct outgoing *o = OWNER(s, struct outgoing, sending);
	struct delivery_end how = {.delivered = sending_arrived(s), .answer = s->status};
	if (!how.delivered) {
		how.due_ms = clock_wall_us() / 1000 + wait_ms(o->d.tries);
		if (how.due_ms / 1000 > o->d.since + api_limits.webhook_keep_seconds)
			how.due_ms = 0;
		how.fault = s->fault == FETCH_OK ? str_fmt(&s->arena, "its answer was %d", s->status)
						 : str_fmt(&s->arena, "%s: %s", fetch_fault_name(s->fault), s->why);
		tell_failure(o, how.due_ms);
	}
	o->op.done = delivery_on_kept;
	store_end_delivery(o->outbox->api->store, &o->op, &o->d, &how);
}

/* The same for each try, and another for each endpoint. */
static struct str message_id(const struct outbox *b, const struct delivery *d, struct arena *a)
{
	uint8_t hash[16];
	char text[2 * sizeof hash + 1];
	crypto_generichash_state st;
	crypto_generichash_init(&st, b->id_key, sizeof b->id_key, sizeof hash);
	crypto_generichash_update(&st, (const uint8_t *)&d->event.key, sizeof d->event.key);
	crypto_generichash_update(&st, (const uint8_t *)&d->endpoint.key, sizeof d->endpoint.key);
	crypto_generichash_final(&st, hash, sizeof hash);
	sodium_bin2hex(text, sizeof text, hash, sizeof hash);
	return str_fmt(a, "wh_%s", text);
}

static struct str event_json(const struct delivery *d, struct arena *a)
{
	char id[ID_MAX];
	struct buf b;
	buf_init(&b, EVENT_BYTES);
	struct jout o = {&b, false};
	webhook_event_write(&o, id_text(id, "evt", &d->event), d->created_at, d->type, d->subject);
	struct str s = str_copy(a, buf_str(&b));
	buf_release(&b);
	return s;
}

static bool send_one(struct outbox *b, const struct delivery *d)
{
	struct arena a = {0};
	struct outgoing *o = new(&a, struct outgoing);
	o->d = *d;
	struct sending *s = &o->sending;
	s->project = d->project;
	s->url = str_copy(&a, d->url);
	s->secret = str_copy(&a, d->secret);
	s->old_secret = str_copy(&a, d->old_secret);
	s->id = message_id(b, d, &a);
	s->body = event_json(d, &a);
	s->arena = a;
	if (!sender_send(b->api->sender, s, delivery_on_sent)) {
		arena_free(&a);
		return false;
	}
	o->outbox = b;
	o->next = b->under_way;
	if (o->next)
		o->next->prev = o;
	b->under_way = o;
	b->n_under_way++;
	b->last = d->endpoint.key;
	return true;
}

/* --- looking for what is due --- */

static void delivery_on_found(struct store_op *op, const struct err *e)
{
	struct outbox *b = OWNER(op, struct outbox, find);
	int64_t left = AGAIN_MS;
	if (atomic_load(&b->api->api->draining))
		return;
	if (e->code != ERR_NONE)
		log_at(LOG_ERROR, "webhooks that are due could not be looked for", "error=\"%s\"", e->msg);
	for (size_t i = 0; e->code == ERR_NONE && i < b->found.n; i++)
		if (!send_one(b, &b->found.at[i]))
			break;
	if (e->code == ERR_NONE)
		left = b->found.next_ms ? b->found.next_ms - clock_wall_us() / 1000 : LOOK_MS;
	/* The wall clock may be set meanwhile. */
	timer_start(b->api->loop, &b->tick, left < 1 ? 1 : left < LOOK_MS ? left : LOOK_MS, delivery_on_tick);
	if (b->again)
		wake(b);
	b->again = false;
}

static void delivery_look(struct deferred *d)
{
	struct outbox *b = OWNER(d, struct outbox, wake);
	size_t most = (size_t)api_limits.webhook_sends;
	if (b->find.request) {
		b->again = true;
		return;
	}
	if (b->n_under_way >= most)
		return; /* the next that ends looks again */
	if (!store_leads(b->api->api->options.store)) {
		timer_start(b->api->loop, &b->tick, LOOK_MS, delivery_on_tick);
		return;
	}
	arena_reset(&b->page);
	struct delivery_place *places = new_array(&b->page, struct delivery_place, b->n_under_way + 1), *place = places;
	for (const struct outgoing *o = b->under_way; o; o = o->next)
		*place++ = (struct delivery_place){o->d.endpoint.key, o->d.event.key};
	b->query = (struct delivery_query){.now_ms = clock_wall_us() / 1000,
					   .after = b->last,
					   .most = most - b->n_under_way,
					   .most_endpoint = (size_t)api_limits.webhook_sends_endpoint,
					   .under_way = places,
					   .n_under_way = b->n_under_way};
	b->find.done = delivery_on_found;
	store_find_deliveries(b->api->store, &b->find, &b->query, &b->page, &b->found);
}

static void wake(struct outbox *b)
{
	if (!atomic_load(&b->api->api->draining))
		defer_start(b->api->loop, &b->wake, delivery_look);
}

static void delivery_on_news(struct run_watch *w)
{
	wake(OWNER(w, struct outbox, news));
}

void outbox_wake(struct api *api)
{
	run_tell(api->news, RUNS_ANY, RUN_NEWS);
}

/* --- life --- */

void outbox_attach(struct api_loop *al)
{
	al->sender = sender_new(al);
	if (atomic_exchange(&al->api->outbox_taken, true))
		return;
	struct outbox *b = xalloc(sizeof *b);
	b->api = al;
	al->outbox = b;
	store_secret(al->api->options.store, "webhook", b->id_key);
	run_watch_start(al->api->news, RUNS_ANY, RUN_NEWS, al->loop, &b->news, delivery_on_news);
	timer_start(al->loop, &b->tick, 0, delivery_on_tick);
}

void outbox_detach(struct api_loop *al)
{
	struct outbox *b = al->outbox;
	if (b) {
		run_watch_stop(&b->news);
		timer_cancel(&b->tick);
		defer_cancel(&b->wake);
		store_cancel(&b->find);
	}
	/* Those whose outcome is being kept are ours; the others go with the sender. */
	for (struct outgoing *o = b ? b->under_way : NULL, *next; o; o = next) {
		next = o->next;
		if (o->op.request)
			outgoing_free(o);
	}
	sender_free(al->sender);
	if (b)
		arena_free(&b->page);
	xfree(b);
	al->outbox = NULL;
	al->sender = NULL;
}
