/* webhook.c - webhook endpoints, and the outbox of what they still have to be told. */
#include "store/webhook.h"

#include <string.h>

#include "base/clock.h"
#include "store/look.h"

enum { QUOTED = 200 };

static bool webhook_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Webhook endpoint with id '%.*s' not found.", (int)(id.n < QUOTED ? id.n : QUOTED),
		    id.p);
}

/* --- reading --- */

struct reading {
	struct look look;
	int64_t limit;
	struct stored_webhook *ret;
	struct webhook_page *page;
	bool found;
};

static void webhook_take(struct reading *l, const struct cell *cells, struct stored_webhook *ret)
{
	*ret = (struct stored_webhook){.id.key = cells[0].i, .created_at = cells[2].i, .updated_at = cells[3].i};
	if (cells[1].s.n == ID_RND)
		memcpy(ret->id.rnd, cells[1].s.p, ID_RND);
	ret->name = str_copy(l->look.arena, cells[4].s);
	ret->url = str_copy(l->look.arena, cells[5].s);
	ret->types = str_copy(l->look.arena, cells[6].s);
	ret->hint = str_copy(l->look.arena, cells[7].s);
}

static bool on_one(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	l->found = rnd_equal(cells[1].s, &l->look.id);
	if (!l->found)
		return false;
	webhook_take(l, cells, l->ret);
	l->ret->secret = str_copy(l->look.arena, cells[8].s);
	l->ret->old_secret = str_copy(l->look.arena, cells[9].s);
	return false;
}

static bool webhook_read_one(struct look *look, struct err *e)
{
	struct reading *l = OWNER(look, struct reading, look);
	if (!id_parse(look->text, "whe", &look->id))
		return webhook_gone(e, look->text);
	struct bind b[] = {INT(look->id.key), INT(look->project), INT(look->now)};
	return look_query(look, STMT_WEBHOOK_GET, b, 3, on_one, l, e) && (l->found || webhook_gone(e, l->look.text));
}

void store_get_webhook(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		       struct stored_webhook *ret)
{
	struct reading *l = look_new(p, op, sizeof *l, project, a);
	l->look.text = look_str(&l->look, id);
	l->ret = look_out(&l->look, ret, sizeof *ret);
	look_start(&l->look, webhook_read_one);
}

static bool webhook_on_row(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	l->page->has_more = l->page->n == (size_t)l->limit;
	if (!l->page->has_more)
		webhook_take(l, cells, &l->page->list[l->page->n++]);
	return !l->page->has_more;
}

static bool webhook_read_list(struct look *look, struct err *e)
{
	struct reading *l = OWNER(look, struct reading, look);
	if (look->text.p && !id_parse(look->text, "whe", &look->id))
		return fail(e, ERR_INVALID_VALUE, "after", "Invalid 'after': '%.*s' is no webhook endpoint's id.",
			    (int)(look->text.n < QUOTED ? look->text.n : QUOTED), look->text.p);
	l->page->list = new_array(look->arena, struct stored_webhook, (size_t)l->limit);
	struct bind b[] = {INT(l->look.project), INT(l->look.id.key ? l->look.id.key : INT64_MAX), INT(l->limit + 1)};
	return look_query(look, STMT_WEBHOOK_LIST, b, 3, webhook_on_row, l, e);
}

void store_list_webhooks(struct store_port *p, struct store_op *op, int64_t project, struct str after, int64_t limit,
			 struct arena *a, struct webhook_page *ret)
{
	struct reading *l = look_new(p, op, sizeof *l, project, a);
	*ret = (struct webhook_page){0};
	l->look.text = look_str(&l->look, after);
	l->limit = limit;
	l->page = look_out(&l->look, ret, sizeof *ret);
	look_start(&l->look, webhook_read_list);
}

/* --- writing --- */

void store_put_webhook(struct store_port *p, struct store_op *op, int64_t project, const struct stored_webhook *w, int64_t most)
{
	static const struct str full = STR("This project has as many webhook endpoints as it may have (api.webhook_endpoints).");
	struct store_request *r = request_new(p, op, 1, 10, ID_RND + w->name.n + w->url.n + w->types.n + w->secret.n +
							        w->hint.n + full.n + 1);
	ADD(r, STMT_WEBHOOK_INSERT, INT(w->id.key), INT(project), BLOB(rnd_str(&w->id)), INT(w->created_at), TEXT(w->name),
	    TEXT(w->url), TEXT(w->types), TEXT(w->secret), TEXT(w->hint), INT(most));
	request_must(r, ERR_BAD_REQUEST, full);
	request_send(r);
}

/* Room for one change of an endpoint and two more of its key. NULL: the id is none, `op` will say so; else *why is the
 * text for one that is not there. */
static struct store_request *webhook_change(struct store_port *p, struct store_op *op, struct str text, size_t bytes,
					    struct id *id, struct err *why)
{
	webhook_gone(why, text);
	if (id_parse(text, "whe", id))
		return request_new(p, op, 3, 8, ID_RND + strlen(why->msg) + 1 + bytes);
	request_done(p, op, why);
	return NULL;
}

void store_set_webhook(struct store_port *p, struct store_op *op, int64_t project, struct str text,
		       const struct stored_webhook *w)
{
	struct id id;
	struct err why = {0};
	struct store_request *r = webhook_change(p, op, text, w->name.n + w->url.n + w->types.n, &id, &why);
	if (!r)
		return;
	ADD(r, STMT_WEBHOOK_SET, INT(id.key), INT(project), BLOB(rnd_str(&id)), INT(clock_wall_s()), text_or_null(w->name),
	    text_or_null(w->url), text_or_null(w->types));
	request_must(r, ERR_NOT_FOUND, str_of(why.msg));
	request_send(r);
}

void store_rotate_webhook(struct store_port *p, struct store_op *op, int64_t project, struct str text, struct str secret,
			  struct str hint, int64_t old_until)
{
	struct id id;
	struct err why = {0};
	struct store_request *r = webhook_change(p, op, text, secret.n + hint.n, &id, &why);
	if (!r)
		return;
	ADD(r, STMT_WEBHOOK_ROTATE, INT(id.key), INT(project), BLOB(rnd_str(&id)), INT(clock_wall_s()), INT(old_until),
	    TEXT(secret), TEXT(hint));
	request_must(r, ERR_NOT_FOUND, str_of(why.msg));
	request_send(r);
}

void store_delete_webhook(struct store_port *p, struct store_op *op, int64_t project, struct str text)
{
	struct id id;
	struct err why = {0};
	struct store_request *r = webhook_change(p, op, text, 0, &id, &why);
	if (!r)
		return;
	ADD(r, STMT_WEBHOOK_DELETE, INT(id.key), INT(project), BLOB(rnd_str(&id)));
	request_must(r, ERR_NOT_FOUND, str_of(why.msg));
	ADD(r, STMT_DELIVERY_FREE, INT(id.key));
	ADD(r, STMT_PAST_FREE, INT(id.key));
	request_send(r);
}
