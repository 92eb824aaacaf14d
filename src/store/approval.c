/* approval.c - requests for an approval: waiting, answered here, used. */
#include "store/approval.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/look.h"

enum { QUOTED = 200 };

static const struct str approval_used = STR("This approval request was answered before: an answer counts once.");

static bool approval_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Approval request with id '%.*s' not found.",
		    (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

/* --- reading --- */

struct reading {
	struct look look;
	struct stored_approval *one;
	bool found;
	struct page_query query;
	struct approval_page *page;
	size_t bytes; /* of the page */
};

static void approval_id_take(struct id *id, const struct cell *key, const struct cell *rnd)
{
	id->key = key->i;
	if (rnd->s.n == ID_RND)
		memcpy(id->rnd, rnd->s.p, ID_RND);
}

static struct stored_approval approval_take(struct arena *a, const struct cell *cells)
{
	struct stored_approval r = {.item = str_copy(a, cells[2].s),
				    .body = str_copy(a, cells[5].s),
				    .answer = (enum approval_answer)cells[6].i,
				    .answered_at = cells[8].i,
				    .used_at = cells[9].i,
				    .expires_at = cells[10].i};
	if (cells[7].s.n)
		r.reason = str_copy(a, cells[7].s);
	approval_id_take(&r.id, &cells[0], &cells[1]);
	approval_id_take(&r.response, &cells[3], &cells[4]);
	return r;
}

static bool approval_on_one(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	l->found = rnd_equal(cells[1].s, &l->look.id);
	if (l->found)
		*l->one = approval_take(l->look.arena, cells);
	return false;
}

static bool approval_read_one(struct look *look, struct err *e)
{
	struct reading *l = OWNER(look, struct reading, look);
	if (!id_parse(look->text, "mcpr", &look->id))
		return approval_gone(e, look->text);
	struct bind b[] = {INT(look->id.key), INT(look->project), INT(look->now)};
	return look_query(look, STMT_APPROVAL_GET, b, 3, approval_on_one, l, e) &&
	       (l->found || approval_gone(e, look->text));
}

void store_get_approval(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			struct stored_approval *ret)
{
	struct reading *l = look_new(p, op, sizeof *l, project, a);
	*ret = (struct stored_approval){0};
	l->look.text = look_str(&l->look, id);
	l->one = look_out(&l->look, ret, sizeof *ret);
	look_start(&l->look, approval_read_one);
}

static bool approval_on_row(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	struct approval_page *page = l->page;
	page->has_more = page->n == (size_t)l->query.limit || l->bytes > (size_t)store_limits.context_bytes;
	if (!page->has_more)
		page->list[page->n++] = approval_take(l->look.arena, cells);
	l->bytes += cells[2].s.n + cells[5].s.n;
	return !page->has_more;
}

static bool approval_read_list(struct look *look, struct err *e)
{
	struct reading *l = OWNER(look, struct reading, look);
	const struct page_query *q = &l->query;
	int64_t from = q->ascending ? 0 : INT64_MAX;
	if (q->after.p && !id_parse(q->after, "mcpr", &look->id))
		return fail(e, ERR_INVALID_VALUE, "after", "Invalid 'after': '%.*s' is no approval request's id.",
			    (int)(q->after.n < QUOTED ? q->after.n : QUOTED), q->after.p);
	if (q->after.p)
		from = look->id.key;
	l->page->list = new_array(look->arena, struct stored_approval, (size_t)q->limit);
	struct bind b[] = {INT(look->project), INT(from), INT(look->now), INT(q->limit + 1)};
	return look_query(look, q->ascending ? STMT_APPROVAL_ASC : STMT_APPROVAL_DESC, b, 4, approval_on_row, l, e);
}

void store_list_approvals(struct store_port *p, struct store_op *op, int64_t project, const struct page_query *q,
			  struct arena *a, struct approval_page *ret)
{
	struct reading *l = look_new(p, op, sizeof *l, project, a);
	*ret = (struct approval_page){0};
	l->query = look_page(&l->look, q);
	l->page = look_out(&l->look, ret, sizeof *ret);
	look_start(&l->look, approval_read_list);
}

/* --- what is known of several --- */

struct knowing {
	struct look look;
	const struct id *ids;
	size_t n;
	struct approval_state *ret;
};

static void approval_bind(void *ctx, size_t which, struct bind *b)
{
	struct knowing *k = ctx;
	b[0] = INT(k->ids[which].key);
	b[1] = INT(k->look.project);
}

static bool approval_on_state(void *ctx, size_t which, const struct cell *cells)
{
	struct knowing *k = ctx;
	k->ret[which] = (struct approval_state){
	    .used = cells[0].i > 0, .used_by = cells[1].i, .answer = (enum approval_answer)cells[2].i};
	if (cells[3].s.n)
		k->ret[which].reason = str_copy(k->look.arena, cells[3].s);
	return false;
}

static bool approval_read_states(struct look *look, struct err *e)
{
	struct knowing *k = OWNER(look, struct knowing, look);
	struct each each = {.stmt = STMT_APPROVAL_STATE,
			    .n = 2,
			    .times = k->n,
			    .bind = approval_bind,
			    .row = approval_on_state,
			    .ctx = k};
	return look_each(look, &each, e);
}

void store_approval_states(struct store_port *p, struct store_op *op, int64_t project, const struct id *ids, size_t n,
			   struct arena *a, struct approval_state *ret)
{
	struct knowing *k = look_new(p, op, sizeof *k, project, a);
	memset(ret, 0, n * sizeof *ret);
	k->ids = look_copy(&k->look, ids, n * sizeof *ids);
	k->n = n;
	k->ret = look_out(&k->look, ret, n * sizeof *ret);
	look_start(&k->look, approval_read_states);
}

/* --- writing --- */

struct answering {
	struct look look;
	struct stored_approval now;
	bool found, approve;
	struct str reason;
};

static bool approval_on_now(void *ctx, const struct cell *cells)
{
	struct answering *w = ctx;
	w->found = rnd_equal(cells[1].s, &w->look.id);
	w->now = approval_take(w->look.arena, cells);
	return false;
}

static bool approval_look_at(struct look *look, struct err *e)
{
	struct answering *w = OWNER(look, struct answering, look);
	struct bind b[] = {INT(look->id.key), INT(look->project), INT(look->now)};
	if (!look_query(look, STMT_APPROVAL_GET, b, 3, approval_on_now, w, e))
		return false;
	if (!w->found || w->now.expires_at <= look->now)
		return approval_gone(e, look->text);
	if (w->now.used_at || w->now.answer == APPROVAL_REFUSED || (w->now.answer == APPROVAL_GIVEN && w->approve))
		return fail(e, ERR_BAD_REQUEST, NULL, "%.*s", FMT(approval_used));
	return true;
}

/* A turn, or another answer, may have come in between. */
static bool approval_answer_add(struct look *look, struct err *e)
{
	struct answering *w = OWNER(look, struct answering, look);
	struct store_request *r = look->write;
	ADD(r, STMT_APPROVAL_ANSWER, INT(look->id.key), INT(look->project),
	    INT(w->approve ? APPROVAL_GIVEN : APPROVAL_REFUSED), INT(look->now), TEXT(w->reason),
	    BLOB(rnd_str(&look->id)));
	request_must(r, ERR_BAD_REQUEST, approval_used);
	return true;
}

void store_answer_approval(struct store_port *p, struct store_op *op, int64_t project, struct str id, bool approve,
			   struct str reason)
{
	struct err e = {0};
	struct id parsed;
	if (!id_parse(id, "mcpr", &parsed)) {
		approval_gone(&e, id);
		request_done(p, op, &e);
		return;
	}
	struct store_request *r = request_new(p, NULL, 1, 6, ID_RND + reason.n + approval_used.n + 1);
	struct answering *w = look_new(p, op, sizeof *w, project, NULL);
	w->look.id = parsed;
	w->look.text = look_str(&w->look, id);
	w->approve = approve;
	w->reason = reason.n ? look_str(&w->look, reason) : S("");
	look_before(&w->look, r, approval_look_at, approval_answer_add);
	request_send(r);
}

void store_approvals_use(struct store_port *p, struct store_op *op, int64_t project, const struct id *by,
			 const struct approval_use *uses, size_t n, int64_t days)
{
	int64_t now = clock_wall_s();
	struct store_request *r = request_new(p, op, n + 1, 6 * n + 1, n * (approval_used.n + 1));
	ADD(r, STMT_APPROVAL_EXPIRE, INT(now));
	for (size_t i = 0; i < n; i++) {
		ADD(r, STMT_APPROVAL_USE, INT(uses[i].id.key), INT(project), INT(now),
		    INT(id_made_at(&uses[i].id) + days * 86400), INT(by->key),
		    INT(uses[i].approve ? APPROVAL_GIVEN : APPROVAL_REFUSED));
		request_must(r, ERR_BAD_REQUEST, approval_used);
	}
	request_send(r);
}
