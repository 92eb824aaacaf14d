/* sender.c - a loop's threads that send webhooks. */
#include "webhooks/sender.h"

#include <stdio.h>

#include "base/clock.h"
#include "measure/measure.h"
#include "store/seal.h"
#include "webhooks/webhook_sign.h"

static const struct str secret_type = STR("webhook_secret");

struct sender {
	struct api_loop *api;
	struct workers *workers; /* NULL until the first use */
	struct sending *all;
};

struct str webhook_secret_seal(struct api_loop *al, int64_t project, struct str secret, struct arena *a)
{
	return seal_text(al->api->options.store, project, secret_type, secret, a);
}

/* --- on a worker thread --- */

static bool sign(struct sending *s, struct str sealed, int64_t now, struct str *ret)
{
	struct err e = {0};
	struct str secret;
	if (!seal_open(s->sender->api->api->options.store, s->project, secret_type, sealed, &s->arena, &secret, &e)) {
		snprintf(s->why, sizeof s->why, "its signing secret cannot be opened: rotate it");
		return false;
	}
	*ret = webhook_sign(&s->arena, secret, s->id, now, s->body);
	return ret->n > 0;
}

static void send_it(struct job *j)
{
	struct sending *s = OWNER(j, struct sending, job);
	struct arena *a = &s->arena;
	int64_t now = clock_wall_s();
	struct str signature, old = {0};
	s->fault = FETCH_BROKEN;
	if (!sign(s, s->secret, now, &signature) || (s->old_secret.n && !sign(s, s->old_secret, now, &old)))
		return;
	const struct str headers[] = {
		S("Content-Type: application/json"),
		str_fmt(a, "webhook-id: %.*s", FMT(s->id)),
		str_fmt(a, "webhook-timestamp: %lld", (long long)now),
		str_fmt(a, "webhook-signature: %.*s%s%.*s", FMT(signature), old.n ? " " : "", FMT(old)),
	};
	struct fetch f = {
		.url = s->url,
		.headers = headers,
		.n_headers = sizeof headers / sizeof *headers,
		.body = s->body,
		.guard = &fetch_guard,
		.max_bytes = api_limits.webhook_answer_bytes,
		.timeout_ms = api_limits.webhook_timeout_ms,
		.cancelled = &s->job.cancelled,
	};
	struct fetch_answer answer;
	s->fault = fetch_run(&f, &answer);
	s->status = answer.status;
	snprintf(s->why, sizeof s->why, "%.190s", answer.why);
	MEASURE_END(WEBHOOKS, sending_arrived(s));
	fetch_release(&answer);
}

/* --- on the loop --- */

static void sender_on_done(struct job *j)
{
	struct sending *s = OWNER(j, struct sending, job);
	struct sender *sender = s->sender;
	if (!sender) {
		struct arena a = s->arena;
		arena_free(&a);
		return;
	}
	if (s->prev)
		s->prev->next = s->next;
	else
		sender->all = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->sent(s);
}

/* The answer's bytes are of no interest, so one that is too long arrived all the same. */
bool sending_arrived(const struct sending *s)
{
	return (s->fault == FETCH_OK || s->fault == FETCH_TOO_LARGE) && s->status >= 200 && s->status < 300;
}

bool sender_send(struct sender *sender, struct sending *s, void (*sent)(struct sending *))
{
	if (!sender->workers)
		sender->workers = workers_new("webhooks", (unsigned)api_limits.webhook_sends, (unsigned)api_limits.webhook_queue);
	s->sender = sender;
	s->sent = sent;
	s->job.run = send_it;
	s->job.done = sender_on_done;
	s->prev = NULL;
	s->next = sender->all;
	if (!job_start(sender->workers, sender->api->loop, &s->job))
		return false;
	if (s->next)
		s->next->prev = s;
	sender->all = s;
	return true;
}

struct sender *sender_new(struct api_loop *al)
{
	struct sender *s = xalloc(sizeof *s);
	s->api = al;
	return s;
}

void sender_free(struct sender *sender)
{
	for (struct sending *s = sender->all; s; s = s->next)
		atomic_store(&s->job.cancelled, true);
	workers_free(sender->workers);
	/* All jobs are done by now; what is left of them is a word to the loop. */
	for (struct sending *s = sender->all; s; s = s->next)
		s->sender = NULL;
	xfree(sender);
}
