/* turn_conversation.c - a turn's conversation: waiting for it, reading it, adding to it. */
#include "base/map.h"
#include "turn/turn_kind.h"
#include "turn/turn_machine.h"

static void turn_conversation_on_held(struct conversation_lease *l)
{
	struct turn_conversation *c = OWNER(l, struct turn_conversation, lease);
	timer_cancel(&c->patience);
	c->held = true;
	turn_run(c->turn);
}

static void turn_conversation_on_impatient(struct timer *timer)
{
	struct turn *t = OWNER(timer, struct turn_conversation, patience)->turn;
	turn_conversation_leave(t);
	conversation_locked(turn_error(t));
	turn_run(t);
}

bool conversation_locked(struct err *e)
{
	return fail(e, ERR_CONVERSATION_LOCKED, "conversation",
	            "Another process is currently operating on this conversation. Please retry in a few seconds.");
}

bool conversation_not_found(struct str id, struct err *e)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Conversation with id '%.*s' not found.", (int)(id.n < 200 ? id.n : 200), id.p);
}

bool turn_conversation_adds(const struct turn *t)
{
	return t->req.conversation.n && !t->kind;
}

/* Most turns have none, and thousands wait for their engine at a time. */
static struct turn_conversation *turn_conversation_of(struct turn *t)
{
	struct turn_conversation *c = t->context.conversation;
	if (!c) {
		c = t->context.conversation = new(&t->arena, struct turn_conversation);
		c->turn = t;
	}
	return c;
}

bool turn_conversation_hold(struct turn *t)
{
	struct turn_conversation *c = turn_conversation_of(t);
	if (c->held)
		return true;
	if (!id_parse(t->req.conversation, "conv", &c->id)) {
		conversation_not_found(t->req.conversation, turn_error(t));
		return true;
	}
	c->lease.granted = turn_conversation_on_held;
	lease_take(t->api->store, &c->lease, t->project, &c->id);
	if (!t->req.background) /* a background run waits its turn */
		timer_start(t->api->loop, &c->patience, api_limits.conversation_wait_ms,
			    turn_conversation_on_impatient);
	return false;
}

void turn_conversation_load(struct turn *t)
{
	store_get_conversation_context(t->api->store, &t->op, t->project, t->req.conversation, &t->arena,
	                               &turn_conversation_of(t)->stored, &t->context.stored);
}

void turn_conversation_leave(struct turn *t)
{
	struct turn_conversation *c = t->context.conversation;
	if (!c)
		return;
	timer_cancel(&c->patience);
	lease_drop(&c->lease);
	c->held = false;
}

void turn_conversation_ids(const struct turn *t, struct map *ret)
{
	/* Only in a conversation an id stands once; lists of responses repeat what clients repeat. */
	for (size_t i = 0; t->req.conversation.n && i < t->context.n_history; i++)
		if (t->context.history[i].id.n)
			map_put(ret, t->context.history[i].id, &t->context.history[i]);
}

size_t turn_conversation_news(struct turn *t, struct turn_item *items)
{
	const struct stored_context *s = &t->context.stored;
	size_t n = 0;
	if (t->req.conversation.n)
		for (size_t i = turn_conversation_of(t)->stored.n_tip; i < s->n; i++, n++)
			if (items)
				items[n] = (struct turn_item){.id = s->items[i].id};
	return n;
}

const struct turn_append *turn_conversation_append(struct turn *t, size_t n_known)
{
	struct turn_append *r = new(&t->arena, struct turn_append);
	enum response_status status = t->response.status;
	bool refers = false;
	if (!turn_conversation_adds(t))
		return NULL;
	for (size_t i = 0; i < t->req.n_items; i++)
		refers |= t->req.items[i].type == ITEM_REFERENCE;
	*r = (struct turn_append){
		.lease = &turn_conversation_of(t)->lease,
		.id = turn_conversation_of(t)->id,
		.n_known = n_known,
		.append = status == RS_COMPLETED || status == RS_INCOMPLETE,
		.tip = !refers, /* what it refers to may stand in the conversation already */
	};
	return r;
}
