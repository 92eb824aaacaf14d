/* chat_tell.c - what a chat completion says to its client. */
#include "chat/chat_tell.h"

#include "door/attempts.h"

static void send_chunk(struct chat *c, struct buf *b, int64_t delta)
{
	if (c->reply)
		reply_event(c->reply, S(""), buf_str(b), c->seq++, delta);
	buf_clear(b);
}

static struct jout chunk_start(struct chat *c)
{
	buf_clear(&c->api->scratch);
	return (struct jout){&c->api->scratch, false};
}

void chat_tell_begin(struct chat *c, struct chat_run *r, bool call)
{
	struct jout o = chunk_start(c);
	if (r->begun)
		return;
	r->begun = true;
	chat_chunk_begin(&o, &c->head, &r->choice, call);
	send_chunk(c, o.b, 0);
}

void chat_tell_event(struct chat *c, struct chat_run *r, const struct model_event *me)
{
	struct jout o = chunk_start(c);
	int64_t delta = -1;
	chat_chunk_event(&o, &c->head, &r->choice, me, &delta);
	send_chunk(c, o.b, delta);
}

struct str chat_tell_object(struct chat *c, bool stored)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	struct chat_choice *all = new_array(&c->arena, struct chat_choice, c->n);
	for (size_t i = 0; i < c->n; i++)
		all[i] = c->runs[i].choice; /* a view: the buffers stay the runs' */
	if (stored)
		chat_stored_write(&o, &c->head, all, c->n, &c->usage, c->by.asker.request_id);
	else
		chat_completion_write(&o, &c->head, all, c->n, &c->usage);
	struct str s = str_copy(&c->arena, buf_str(&b));
	buf_release(&b);
	return s;
}

static void chat_end_json(struct chat *c)
{
	struct str body = chat_tell_object(c, false);
	if (c->attempt)
		attempt_end(c->attempt, ATTEMPT_KEPT, 200, body);
	c->attempt = NULL;
	if (c->reply)
		reply_end(c->reply, 200, body);
}

void chat_tell_finish(struct chat *c, struct chat_run *r)
{
	struct jout o = chunk_start(c);
	chat_chunk_finish(&o, &c->head, &r->choice);
	send_chunk(c, o.b, 0);
}

static void end_stream(struct chat *c)
{
	for (size_t i = 0; c->req.store && i < c->n; i++)
		chat_tell_finish(c, &c->runs[i]);
	struct jout o = chunk_start(c);
	if (c->head.moderation.n) {
		chat_chunk_moderation(&o, &c->head);
		send_chunk(c, o.b, 0);
		o = chunk_start(c);
	}
	if (c->req.include_usage) {
		chat_chunk_usage(&o, &c->head, &c->usage);
		send_chunk(c, o.b, 0);
	}
	if (c->reply)
		reply_end(c->reply, 200, S(""));
}

void chat_tell_failed(struct chat *c)
{
	if (!c->reply)
		return;
	if (reply_open_head(c->reply)) {
		reply_fail(c->reply, &c->error);
		return;
	}
	struct str body = error_body(&c->arena, &c->error);
	reply_event(c->reply, S(""), body, c->seq++, -1);
	reply_end(c->reply, 200, body);
}

void chat_tell_end(struct chat *c)
{
	if (c->error.code)
		chat_tell_failed(c);
	else if (c->form == REPLY_SSE)
		end_stream(c);
	else
		chat_end_json(c);
	c->reply = NULL;
}
