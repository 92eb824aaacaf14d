/* container_file.c - the files of containers: what is known of them. */
#include "store/container_file.h"

#include <string.h>

#include "base/clock.h"
#include "store/lend.h"
#include "store/request.h"

enum { QUOTED = 200 };

static bool cfile_gone(struct err *e, const struct container *c, struct str id)
{
	char container[ID_MAX];
	return fail(e, ERR_NOT_FOUND, NULL, "File %.*s not found on container %.*s.",
		    (int)(id.n < QUOTED ? id.n : QUOTED), id.p, FMT(id_text(container, "cntr", &c->id)));
}

struct cfile_look {
	struct lent_query q;
	struct arena *arena;
	struct id id;
	struct container_file *ret;
	struct stored_file *source;
	struct container_file_page *page;
	int64_t limit;
	size_t room;
	bool found;
};

static void cfile_take(struct cfile_look *l, const struct cell *cells, struct container_file *ret)
{
	*ret = (struct container_file){.id.key = cells[0].i,
				       .created_at = cells[2].i,
				       .bytes = cells[3].i,
				       .seen_ns = cells[4].i,
				       .source = (enum container_source)cells[5].i,
				       .path = str_copy(l->arena, cells[6].s)};
	memcpy(ret->id.rnd, cells[1].s.p, ID_RND);
}

static bool cfile_on_one(void *ctx, const struct cell *cells)
{
	struct cfile_look *l = ctx;
	l->found = rnd_equal(cells[1].s, &l->id);
	if (l->found)
		cfile_take(l, cells, l->ret);
	return false;
}

bool container_file_get(struct store *s, const struct container *c, struct str id, struct arena *a,
			struct container_file *ret, struct err *e)
{
	struct cfile_look l = {
	    .arena = a, .q.stmt = STMT_CONTAINER_FILE_GET, .q.n_binds = 2, .q.row = cfile_on_one, .ret = ret};
	if (!id_parse(id, "cfile", &l.id))
		return cfile_gone(e, c, id);
	l.q.binds[0] = INT(l.id.key);
	l.q.binds[1] = INT(c->id.key);
	return lent_rows(s, &l.q, &l, e) && (l.found || cfile_gone(e, c, id));
}

/* The list grows: there may be far fewer than the limit. */
static bool cfile_on_row(void *ctx, const struct cell *cells)
{
	struct cfile_look *l = ctx;
	struct container_file_page *p = l->page;
	p->has_more = p->n == (size_t)l->limit;
	if (p->has_more || cells[1].s.n != ID_RND)
		return !p->has_more;
	if (p->n == l->room) {
		l->room = l->room ? l->room * 2 : 32;
		struct container_file *more = new_array(l->arena, struct container_file, l->room);
		if (p->n)
			memcpy(more, p->list, p->n * sizeof *more);
		p->list = more;
	}
	cfile_take(l, cells, &p->list[p->n++]);
	return true;
}

static bool cfile_page(struct store *s, int64_t container, int64_t after, bool ascending, int64_t limit,
		       struct arena *a, struct container_file_page *ret, struct err *e)
{
	struct cfile_look l = {.arena = a,
			       .q.stmt = ascending ? STMT_CONTAINER_FILE_ASC : STMT_CONTAINER_FILE_DESC,
			       .q.binds = {INT(container), INT(after), INT(limit + 1)},
			       .q.n_binds = 3,
			       .q.row = cfile_on_row,
			       .page = ret,
			       .limit = limit};
	*ret = (struct container_file_page){0};
	return lent_rows(s, &l.q, &l, e);
}

bool container_file_list(struct store *s, const struct container *c, const struct container_query *q, struct arena *a,
			 struct container_file_page *ret, struct err *e)
{
	struct id after = {.key = q->ascending ? 0 : INT64_MAX};
	if (q->after.p && !id_parse(q->after, "cfile", &after))
		return fail(e, ERR_INVALID_VALUE, "after", "Invalid 'after': '%.*s' is no container file's id.",
			    (int)(q->after.n < QUOTED ? q->after.n : QUOTED), q->after.p);
	return cfile_page(s, c->id.key, after.key, q->ascending, q->limit, a, ret, e);
}

bool container_file_all(struct store *s, int64_t container, int64_t most, struct arena *a,
			struct container_file_page *ret, struct err *e)
{
	return cfile_page(s, container, 0, true, most, a, ret, e);
}

bool container_files_change(struct store *s, const struct container *c, const struct container_change *ch,
			    struct err *e)
{
	static const struct str gone = STR("The container was deleted meanwhile.");
	size_t bytes = 0;
	for (size_t i = 0; i < ch->n_put; i++)
		bytes += ID_RND + ch->put[i].path.n + gone.n + 1;
	struct store_request *r =
	    request_new(NULL, NULL, ch->n_put + ch->n_gone + 2, ch->n_put * 8 + ch->n_gone + 4, bytes);
	for (size_t i = 0; i < ch->n_gone; i++)
		ADD(r, STMT_CONTAINER_FILE_DELETE, INT(ch->gone[i]));
	for (size_t i = 0; i < ch->n_put; i++) {
		const struct container_file *f = &ch->put[i];
		ADD(r, STMT_CONTAINER_FILE_PUT, INT(f->id.key), INT(c->id.key), BLOB(rnd_str(&f->id)),
		    INT(f->created_at), INT(f->bytes), INT(f->seen_ns), INT(f->source), TEXT(f->path));
		request_must(r, ERR_NOT_FOUND, gone);
	}
	if (ch->call) {
		ADD(r, STMT_CONTAINER_CALL_END, INT(ch->call));
		ADD(r, STMT_CONTAINER_TOUCH, INT(c->id.key), INT(clock_wall_s()), INT(0));
	}
	return store_write(s, r, e);
}

/* --- files of /v1/files ------------------------------------------------------------------------------------------ */

static bool cfile_on_source(void *ctx, const struct cell *cells)
{
	struct cfile_look *l = ctx;
	l->found = rnd_equal(cells[0].s, &l->id);
	if (l->found)
		*l->source = (struct stored_file){.id = l->id,
						  .created_at = cells[1].i,
						  .expires_at = cells[2].i,
						  .bytes = cells[3].i,
						  .purpose = str_copy(l->arena, cells[4].s),
						  .filename = str_copy(l->arena, cells[5].s)};
	return false;
}

bool container_file_source(struct store *s, int64_t project, struct str id, struct arena *a, struct stored_file *ret,
			   struct err *e)
{
	struct cfile_look l = {
	    .arena = a, .q.stmt = STMT_FILE_GET, .q.n_binds = 3, .q.row = cfile_on_source, .source = ret};
	if (id_parse(id, "file-", &l.id)) {
		l.q.binds[0] = INT(l.id.key);
		l.q.binds[1] = INT(project);
		l.q.binds[2] = INT(clock_wall_s());
		if (!lent_rows(s, &l.q, &l, e))
			return false;
	}
	return l.found || fail(e, ERR_NOT_FOUND, NULL, "No such File object: %.*s", (int)(id.n < QUOTED ? id.n : QUOTED),
			       id.p);
}
