/* record.c - writing a turn, and deleting one. */
#include <stdio.h>

#include "base/clock.h"
#include "store/context.h"
#include "store/lease.h"
#include "store/request.h"

static const struct str previous_gone = STR("The previous response was deleted while the turn ran.");
static const struct str item_gone = STR("An item that the input refers to was deleted while the turn ran.");

static void add_items(struct store_request *r, const struct turn_record *t)
{
	for (size_t i = 0; i < t->n_items; i++) {
		const struct turn_item *it = &t->items[i];
		if (!it->json.p) {
			ADD(r, STMT_ITEM_HOLD, INT(it->id.key), INT(t->project), BLOB(rnd_str(&it->id)));
			request_must(r, ERR_NOT_FOUND, item_gone);
			continue;
		}
		ADD(r, STMT_ITEM_INSERT, INT(it->id.key), INT(t->project), INT(t->id.key), BLOB(rnd_str(&it->id)),
		    TEXT(it->json));
		if (it->foreign_id.n)
			ADD(r, STMT_FOREIGN_INSERT, INT(t->project), TEXT(it->foreign_id), INT(it->id.key));
	}
}

static void add_context(struct store_request *r, const struct turn_record *t, const struct context *c,
			struct str packed)
{
	if (t->parent) {
		ADD(r, STMT_CONTEXT_HOLD, INT(t->parent), INT(t->project));
		request_must(r, ERR_PREVIOUS_NOT_FOUND, previous_gone);
	}
	ADD(r, STMT_CONTEXT_INSERT, INT(t->id.key), INT(t->project), INT(t->parent), INT(c->base), INT(c->depth),
	    INT(c->n_own), INT(c->n_output), INT(c->n_total), BLOB(packed));
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
	size_t n = packed.n + 2 * ID_RND + t->status.n + t->body.n + previous_gone.n + 1;
	if (t->idem)
		n += t->idem->route.n + t->idem->key.n + sizeof t->idem->body_hash + t->answer.n;
	for (size_t i = 0; i < t->n_items; i++)
		n += ID_RND + t->items[i].json.n + t->items[i].foreign_id.n + item_gone.n + 1;
	if (t->conversation && !t->store)
		n += conversation_bytes(t->items, t->n_items);
	return n;
}

struct store_request *record_request(struct store_port *p, struct store_op *op, const struct turn_record *t,
				     struct record_room room)
{
	struct err e = {0};
	struct context c = {0};
	if (t->store && !context_make(p, t, &c, &e)) {
		buf_clear(&p->scratch);
		request_later(p, op, &e);
		return NULL;
	}
	struct str packed = buf_str(&p->scratch);
	size_t n = t->store || t->conversation ? t->n_items : 0;
	struct store_request *r = request_new(p, op, 8 + (2 + CONVERSATION_CHANGES) * n + room.changes,
					      36 + (8 + CONVERSATION_BINDS) * n + room.binds,
					      bytes_of(t, packed) + room.bytes);
	if (t->store) {
		ADD(r, STMT_RESPONSE_INSERT, INT(t->id.key), INT(t->project), BLOB(rnd_str(&t->id)), TEXT(t->status),
		    INT(t->created_at), INT(t->expires_at), INT((int64_t)t->output_at), TEXT(t->body));
		add_context(r, t, &c, packed);
		add_items(r, t);
	}
	if (t->conversation) {
		r->claim = lease_give(t->conversation->lease);
		add_to_conversation(r, t);
	}
	if (t->idem)
		add_answer(r, t);
	buf_clear(&p->scratch);
	return r;
}

void store_put_turn(struct store_port *p, struct store_op *op, const struct turn_record *t)
{
	if (!t->store && !t->idem && !t->conversation) {
		request_later(p, op, NULL);
		return;
	}
	struct store_request *r = record_request(p, op, t, (struct record_room){0});
	if (r)
		request_send(r);
}

/* --- deleting --- */

static bool deleted(struct store_request *r)
{
	if (!r->apply.err && !store_limits.linger_seconds)
		sweeper_wake(r->port->store);
	return true;
}

struct looking {
	struct store_port *port;
	int64_t project;
	const struct id *id;
	struct run_now run;
};

static bool look_at_run(struct db_reader *reader, void *ctx, struct err *e)
{
	struct looking *l = ctx;
	return run_look(l->port, l->project, l->id, &l->run, e);
}

static bool still_runs(struct err *e, struct str id)
{
	fail(e, ERR_BAD_REQUEST, NULL, "Response with id '%.*s' cannot be deleted while it is queued or in progress. Cancel it first.",
	     FMT(id));
	return true;
}

void store_delete_response(struct store_port *p, struct store_op *op, int64_t project, struct str id)
{
	struct err e = {0};
	struct id rid;
	not_found(&e, id);
	if (!id_parse(id, "resp", &rid)) {
		request_later(p, op, &e);
		return;
	}
	struct str text = str_of(e.msg);
	struct looking look = {p, project, &rid, {0}};
	struct run_now *run = &look.run;
	struct err why = {0};
	if (!p->store->driver->read(p->reader, look_at_run, &look, &why) || (run->found && !run->ended && still_runs(&why, id))) {
		request_later(p, op, &why);
		return;
	}
	int64_t now = clock_wall_s();
	struct store_request *r = request_new(p, op, 3, 8, ID_RND + text.n + 1);
	if (run->found)
		ADD(r, STMT_RUN_HIDE, INT(rid.key), INT(now));
	if (!run->found || run->kept) {
		ADD(r, STMT_RESPONSE_DELETE, INT(rid.key), INT(project), BLOB(rnd_str(&rid)), INT(now));
		request_must(r, ERR_NOT_FOUND, text);
		ADD(r, STMT_CONTEXT_DEAD, INT(rid.key), INT(now));
	}
	r->settle = deleted;
	request_send(r);
}
