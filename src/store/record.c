/* record.c - writing a turn, and deleting one. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/context.h"
#include "store/conversation.h"
#include "store/inlay.h"
#include "store/lease.h"
#include "store/look.h"
#include "store/run_now.h"
#include "store/sweep.h"
#include "store/usage_write.h"

static const struct str previous_gone = STR("The previous response was deleted while the turn ran.");
static const struct str item_gone = STR("An item that the input refers to was deleted while the turn ran.");

enum { ASKING_CHANGES = 2, ASKING_BINDS = 5 }; /* of one record_add_asking() */

/* The item waits for its approval as long as the response is there (approval.h). */
static void record_add_asking(struct store_request *r, const struct turn_record *t, const struct turn_item *it)
{
	ADD(r, STMT_APPROVAL_EXPIRE, INT(clock_wall_s()));
	ADD(r, STMT_APPROVAL_WAIT, INT(it->id.key), INT(t->project), INT(it->asks_until), INT(t->id.key));
}

static void record_add_items(struct store_request *r, const struct turn_record *t)
{
	for (size_t i = 0; i < t->n_items; i++) {
		const struct turn_item *it = &t->items[i];
		if (!it->json.p) {
			ADD(r, STMT_ITEM_HOLD, INT(it->id.key), INT(t->project), BLOB(rnd_str(&it->id)));
			request_must(r, ERR_NOT_FOUND, item_gone);
			continue;
		}
		/* what asks for an approval is looked up with it, and has no bytes */
		struct inlaid in = it->asks_until ? (struct inlaid){.text = it->json, .places = S("")} : inlay_cut(r, it->json);
		ADD(r, STMT_ITEM_INSERT, INT(it->id.key), INT(t->project), INT(t->id.key), BLOB(rnd_str(&it->id)),
		    TEXT(in.text), INT(in.blob), TEXT(in.places));
		inlay_release(&in);
		if (it->foreign_id.n)
			ADD(r, STMT_FOREIGN_INSERT, INT(t->project), TEXT(it->foreign_id), INT(it->id.key));
		if (it->asks_until)
			record_add_asking(r, t, it);
	}
}

/* Binds of CONTEXT_INSERT that are known only when the parent was read. */
enum { BASE = 3, DEPTH = 4, TOTAL = 7, KEYS = 8, CONTEXT_COLUMNS = 9 };

/* The row's binds. */
static struct bind *record_add_context(struct store_request *r, const struct turn_record *t, const struct context *c,
				       struct str packed)
{
	if (t->parent) {
		ADD(r, STMT_CONTEXT_HOLD, INT(t->parent), INT(t->project));
		request_must(r, ERR_PREVIOUS_NOT_FOUND, previous_gone);
	}
	ADD(r, STMT_CONTEXT_INSERT, INT(t->id.key), INT(t->project), INT(t->parent), INT(c->base), INT(c->depth),
	    INT(c->n_own), INT(c->n_output), INT(c->n_total), BLOB(packed));
	return r->binds + r->n_binds - CONTEXT_COLUMNS;
}

static void add_to_conversation(struct store_request *r, const struct turn_record *t)
{
	const struct turn_append *c = t->conversation;
	if (!c->append)
		return;
	for (size_t i = c->n_known; i < t->n_items; i++)
		conversation_add(r, t->project, c->id.key, &t->items[i], t->store);
	if (!t->store || !c->tip)
		return;
	ADD(r, STMT_TIP_MOVE, INT(c->id.key), INT(t->id.key), INT(t->parent));
	ADD(r, STMT_TIP_HOLD, INT(c->id.key), INT(t->id.key));
	ADD(r, STMT_TIP_LEAVE, INT(c->id.key), INT(t->id.key), INT(t->parent));
}

static void add_answer(struct store_request *r, const struct turn_record *t)
{
	struct str hash = {(const char *)t->idem->body_hash, sizeof t->idem->body_hash};
	ADD(r, STMT_IDEM_ANSWER, INT(t->project), TEXT(t->idem->route), TEXT(t->idem->key), BLOB(hash), INT(t->id.key),
	    BLOB(rnd_str(&t->id)), INT(t->answer_status), BLOB(t->answer), INT(clock_wall_s()));
}

static size_t bytes_of(const struct turn_record *t, struct str packed)
{
	size_t n = packed.n + 2 * ID_RND + t->status.n + t->body.n + t->phases.n + previous_gone.n + 1;
	if (t->idem)
		n += t->idem->route.n + t->idem->key.n + sizeof t->idem->body_hash + t->answer.n;
	for (size_t i = 0; i < t->n_items; i++)
		n += ID_RND + t->items[i].json.n + t->items[i].foreign_id.n + item_gone.n + 1;
	if (t->conversation && !t->store)
		n += conversation_bytes(t->items, t->n_items);
	return n;
}

/* The look before the turn's write: at the context that it continues. */
struct continuing {
	struct look look;
	struct context_own own;
	struct context made;
	struct buf packed;
	struct bind *binds; /* of its row */
};

static void packed_release(void *packed)
{
	buf_release(packed);
}

static bool continue_parent(struct look *l, struct err *e)
{
	struct continuing *c = OWNER(l, struct continuing, look);
	return context_continue(l, &c->own, &c->packed, &c->made, e);
}

static bool fill_in(struct look *l, struct err *e)
{
	struct continuing *c = OWNER(l, struct continuing, look);
	struct str packed = buf_str(&c->packed);
	l->write->held = memcpy(xrealloc(NULL, packed.n), packed.p, packed.n);
	l->write->apply.bytes += packed.n;
	c->binds[BASE].i = c->made.base;
	c->binds[DEPTH].i = c->made.depth;
	c->binds[TOTAL].i = c->made.n_total;
	c->binds[KEYS] = BLOB(((struct str){l->write->held, packed.n}));
	return true;
}

static void look_at_parent(struct store_port *p, struct store_op *op, const struct turn_record *t,
			   const struct context_own *own, const struct context *c, struct store_request *write,
			   struct bind *binds)
{
	struct continuing *n = look_new(p, op, sizeof *n, t->project, NULL);
	int64_t *keys = new_array(&n->look.own, int64_t, t->n_items + 1);
	if (t->n_items)
		memcpy(keys, own->keys, t->n_items * sizeof *keys);
	n->own = (struct context_own){own->parent, keys};
	n->made = *c;
	n->binds = binds;
	buf_init(&n->packed, (size_t)store_limits.context_bytes);
	arena_defer(&n->look.own, packed_release, &n->packed);
	look_before(&n->look, write, continue_parent, fill_in);
}

static void add_turn(struct store_request *r, struct store_port *p, struct store_op *op, const struct turn_record *t,
		     const struct context_own *own, const struct context *c)
{
	ADD(r, STMT_RESPONSE_INSERT, INT(t->id.key), INT(t->project), BLOB(rnd_str(&t->id)), TEXT(t->status),
	    INT(t->created_at), INT(t->expires_at), INT((int64_t)t->output_at), TEXT(t->body),
	    TEXT(t->phases.p ? t->phases : S("")));
	struct bind *binds = record_add_context(r, t, c, buf_str(&p->scratch));
	record_add_items(r, t);
	if (t->parent)
		look_at_parent(p, op, t, own, c, r, binds);
}

struct store_request *record_request(struct store_port *p, struct store_op *op, const struct turn_record *t,
				     struct record_room room)
{
	struct err e = {0};
	struct arena a = {0};
	struct context c = {.n_own = (int64_t)t->n_items, .n_output = (int64_t)t->n_output};
	int64_t *keys = new_array(&a, int64_t, t->n_items + 1);
	struct context_own own = {t->parent, keys};
	for (size_t i = 0; i < t->n_items; i++)
		keys[i] = t->items[i].id.key;
	if (t->store && !t->parent && !context_begin(&own, &p->scratch, &c, &e)) {
		buf_clear(&p->scratch);
		arena_free(&a);
		request_done(p, op, &e);
		return NULL;
	}
	size_t n = t->store || t->conversation ? t->n_items : 0;
	struct record_room used = usage_room(t->used, t->n_used);
	struct store_request *r =
	    request_new(p, t->store && t->parent ? NULL : op,
			8 + LEASE_CHANGES + (2 + ASKING_CHANGES + CONVERSATION_CHANGES) * n + room.changes + used.changes,
			37 + LEASE_BINDS + (10 + ASKING_BINDS + CONVERSATION_BINDS) * n + room.binds + used.binds,
			bytes_of(t, buf_str(&p->scratch)) + LEASE_BYTES + room.bytes + used.bytes);
	if (t->store)
		add_turn(r, p, op, t, &own, &c);
	if (t->conversation) {
		r->claim = lease_give(t->conversation->lease);
		lease_fence(r);
		add_to_conversation(r, t);
	}
	if (t->idem)
		add_answer(r, t);
	usage_put(r, t->used, t->n_used);
	buf_clear(&p->scratch);
	arena_free(&a);
	return r;
}

void store_put_turn(struct store_port *p, struct store_op *op, const struct turn_record *t)
{
	if (!t->store && !t->idem && !t->conversation && !t->n_used) {
		request_done(p, op, NULL);
		return;
	}
	struct store_request *r = record_request(p, op, t, (struct record_room){0});
	if (r)
		request_send(r);
}

/* --- deleting --- */

static bool record_deleted(struct store_request *r)
{
	if (!r->apply.err && !store_limits.linger_seconds)
		sweeper_wake(r->port->store);
	return true;
}

struct deleting {
	struct look look;
	struct run_now run;
};

static bool look_at_run(struct look *l, struct err *e)
{
	struct run_now *run = &OWNER(l, struct deleting, look)->run;
	if (!run_look(l, &l->id, run, e))
		return false;
	if (run->found && !run->ended)
		return fail(e, ERR_BAD_REQUEST, NULL,
			    "Response with id '%.*s' cannot be deleted while it is queued or in progress. Cancel it first.",
			    FMT(l->text));
	return true;
}

/* The statements, now that it is known what there is. */
static bool add_deletion(struct look *l, struct err *e)
{
	const struct run_now *run = &OWNER(l, struct deleting, look)->run;
	struct store_request *r = l->write;
	struct err gone = {0};
	not_found(&gone, l->text);
	if (run->found)
		ADD(r, STMT_RUN_HIDE, INT(l->id.key), INT(l->now));
	if (!run->found || run->kept) {
		ADD(r, STMT_RESPONSE_DELETE, INT(l->id.key), INT(l->project), BLOB(rnd_str(&l->id)), INT(l->now));
		request_must(r, ERR_NOT_FOUND, str_of(gone.msg));
		ADD(r, STMT_CONTEXT_DEAD, INT(l->id.key), INT(l->now));
		ADD(r, STMT_APPROVAL_LEAVE, INT(l->id.key));
	}
	return true;
}

void store_delete_response(struct store_port *p, struct store_op *op, int64_t project, struct str id)
{
	struct err e = {0};
	struct id rid;
	not_found(&e, id);
	if (!id_parse(id, "resp", &rid)) {
		request_done(p, op, &e);
		return;
	}
	struct store_request *r = request_new(p, NULL, 4, 9, ID_RND + strlen(e.msg) + 1);
	struct deleting *d = look_new(p, op, sizeof *d, project, NULL);
	d->look.id = rid;
	d->look.text = look_str(&d->look, id);
	r->settle = record_deleted;
	look_before(&d->look, r, look_at_run, add_deletion);
	request_send(r);
}
