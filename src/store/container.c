/* container.c - containers: what is known of them, and the calls that run in them. */
#include "store/container.h"

#include <string.h>

#include "base/clock.h"
#include "store/lend.h"
#include "store/request.h"

enum { QUOTED = 200 };

static bool cntr_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Container with id '%.*s' not found.", (int)(id.n < QUOTED ? id.n : QUOTED),
		    id.p);
}

bool container_expired(const struct container *c)
{
	return c->ended || c->expires_at <= clock_wall_s();
}

bool container_living(const struct container *c, struct err *e)
{
	return !container_expired(c) || fail(e, ERR_BAD_REQUEST, NULL, CONTAINER_EXPIRED);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct cntr_look {
	struct lent_query q;
	struct arena *arena;
	struct id id;
	struct container *ret;
	struct container_page *page;
	int64_t limit;
	bool found;
};

static struct str cntr_text(struct arena *a, const struct cell *c)
{
	return c->s.n ? str_copy(a, c->s) : (struct str){0};
}

static void cntr_take(struct cntr_look *l, const struct cell *cells, struct container *ret)
{
	*ret = (struct container){.id.key = cells[0].i,
				  .created_at = cells[2].i,
				  .active_at = cells[3].i,
				  .expires_at = cells[4].i,
				  .minutes = cells[5].i,
				  .ended = cells[6].i,
				  .memory = cells[7].i,
				  .name = str_copy(l->arena, cells[8].s),
				  .policy = cntr_text(l->arena, &cells[9]),
				  .skills = cntr_text(l->arena, &cells[10]),
				  .secrets = cntr_text(l->arena, &cells[11]),
				  .project = cells[12].i};
	memcpy(ret->id.rnd, cells[1].s.p, ID_RND);
}

static bool cntr_on_one(void *ctx, const struct cell *cells)
{
	struct cntr_look *l = ctx;
	l->found = rnd_equal(cells[1].s, &l->id);
	if (l->found)
		cntr_take(l, cells, l->ret);
	return false;
}

bool container_get(struct store *s, int64_t project, struct str id, struct arena *a, struct container *ret,
		   struct err *e)
{
	struct cntr_look l = {.arena = a, .q.stmt = STMT_CONTAINER_GET, .q.row = cntr_on_one, .ret = ret};
	if (!id_parse(id, "cntr", &l.id))
		return cntr_gone(e, id);
	l.q.binds[0] = INT(l.id.key);
	l.q.binds[1] = INT(project);
	l.q.n_binds = 2;
	return lent_rows(s, &l.q, &l, e) && (l.found || cntr_gone(e, id));
}

static bool cntr_on_row(void *ctx, const struct cell *cells)
{
	struct cntr_look *l = ctx;
	l->page->has_more = l->page->n == (size_t)l->limit;
	if (!l->page->has_more && cells[1].s.n == ID_RND)
		cntr_take(l, cells, &l->page->list[l->page->n++]);
	return !l->page->has_more;
}

bool container_list(struct store *s, int64_t project, const struct container_query *q, struct arena *a,
		    struct container_page *ret, struct err *e)
{
	struct id after = {.key = q->ascending ? 0 : INT64_MAX};
	if (q->after.p && !id_parse(q->after, "cntr", &after))
		return fail(e, ERR_INVALID_VALUE, "after", "Invalid 'after': '%.*s' is no container's id.",
			    (int)(q->after.n < QUOTED ? q->after.n : QUOTED), q->after.p);
	struct cntr_look l = {.arena = a,
			      .q.stmt = q->ascending ? STMT_CONTAINER_ASC : STMT_CONTAINER_DESC,
			      .q.binds = {INT(project), INT(after.key), {.kind = BIND_NULL}, INT(q->limit + 1)},
			      .q.n_binds = 4,
			      .q.row = cntr_on_row,
			      .page = ret,
			      .limit = q->limit};
	if (q->name.p)
		l.q.binds[2] = TEXT(q->name);
	*ret = (struct container_page){.list = new_array(a, struct container, (size_t)q->limit)};
	return lent_rows(s, &l.q, &l, e);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

bool container_put(struct store *s, int64_t project, const struct container *c, int64_t most, struct err *e)
{
	static const struct str full =
	    STR("This project has as many containers as it may have (containers.project). Delete some, or wait until "
		"they expire.");
	struct str policy = c->policy.p ? c->policy : S(""), skills = c->skills.p ? c->skills : S(""),
		   secrets = c->secrets.p ? c->secrets : S("");
	struct store_request *r =
	    request_new(NULL, NULL, 1, 11, ID_RND + c->name.n + policy.n + skills.n + secrets.n + full.n + 1);
	ADD(r, STMT_CONTAINER_INSERT, INT(c->id.key), INT(project), BLOB(rnd_str(&c->id)), INT(c->created_at),
	    INT(c->minutes), INT(c->memory), TEXT(c->name), TEXT(policy), TEXT(skills), INT(most), TEXT(secrets));
	request_must(r, ERR_BAD_REQUEST, full);
	return store_write(s, r, e);
}

bool container_touch(struct store *s, struct container *c, struct err *e)
{
	int64_t now = clock_wall_s();
	struct store_request *r = request_new(NULL, NULL, 1, 3, sizeof CONTAINER_EXPIRED);
	ADD(r, STMT_CONTAINER_TOUCH, INT(c->id.key), INT(now), INT(now));
	request_must(r, ERR_BAD_REQUEST, S(CONTAINER_EXPIRED));
	if (!store_write(s, r, e))
		return false;
	c->active_at = now;
	c->expires_at = now + c->minutes * 60;
	return true;
}

bool container_delete(struct store *s, int64_t key, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 3, 3, 0);
	ADD(r, STMT_CONTAINER_DELETE, INT(key));
	ADD(r, STMT_CONTAINER_FILES_FREE, INT(key));
	ADD(r, STMT_CONTAINER_CALLS_FREE, INT(key));
	return store_write(s, r, e);
}

bool container_delete_unused(struct store *s, int64_t key, struct err *e)
{
	static const struct str used = STR("The container was used.");
	struct store_request *r = request_new(NULL, NULL, 1, 1, used.n + 1);
	ADD(r, STMT_CONTAINER_DELETE_UNUSED, INT(key));
	request_must(r, ERR_CONFLICT, used);
	return store_write(s, r, e);
}
