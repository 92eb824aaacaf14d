/* template.c - prompt templates and their versions. */
#include <string.h>

#include "base/clock.h"
#include "store/look.h"
#include "store/sweep.h"

enum { QUOTED = 200 };

static bool template_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Prompt with id '%.*s' not found.", (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

/* --- reading --- */

/* One read on its way through the snapshot. */
struct reading {
	struct look look;
	struct stored_template head; /* what stands in the template's own row */
	bool found;
	/* one version */
	struct str version;
	int64_t key; /* of the version; 0: by its number */
	struct stored_template *ret;
	/* a list */
	struct page_query query;
	struct template_page *page;
	size_t bytes;
	struct err *err;
};

static bool template_query(struct reading *l, enum statement stmt, const struct bind *b, unsigned n, row_fn *row,
			   struct err *e)
{
	return look_query(&l->look, stmt, b, n, row, l, e);
}

/* key, rnd, created_at, name, metadata, version, latest */
static bool template_on_head(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	struct id id = {.key = cells[0].i};
	if (cells[1].s.n != ID_RND)
		return false;
	memcpy(id.rnd, cells[1].s.p, ID_RND);
	l->found = true;
	l->head = (struct stored_template){
		.id = id_text(arena_bytes(l->look.arena, ID_MAX), "pmpt", &id),
		.created_at = cells[2].i,
		.name = str_copy(l->look.arena, cells[3].s),
		.metadata = str_copy(l->look.arena, cells[4].s),
		.default_version = cells[5].i,
		.latest = cells[6].i,
	};
	return false;
}

static bool on_own_head(void *ctx, const struct cell *cells)
{
	return rnd_equal(cells[1].s, &((struct reading *)ctx)->look.id) && template_on_head(ctx, cells);
}

static bool template_read_head(struct reading *l, struct err *e)
{
	if (!id_parse(l->look.text, "pmpt", &l->look.id))
		return template_gone(e, l->look.text);
	struct bind b[] = {INT(l->look.id.key), INT(l->look.project)};
	return template_query(l, STMT_TEMPLATE_GET, b, 2, on_own_head, e) &&
	       (l->found || template_gone(e, l->look.text));
}

/* version, created_at, body */
static bool on_version(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	*l->ret = l->head;
	l->ret->version = cells[0].i;
	l->ret->version_created_at = cells[1].i;
	l->ret->body = str_copy(l->look.arena, cells[2].s);
	l->bytes += l->ret->body.n;
	l->found = true;
	return false;
}

static bool read_version(struct reading *l, int64_t template, int64_t number, struct err *e)
{
	struct bind b[] = {INT(template), INT(number)};
	l->found = false;
	return template_query(l, STMT_TEMPLATE_VERSION, b, 2, on_version, e);
}

static bool template_read_one(struct look *look, struct err *e)
{
	struct reading *l = OWNER(look, struct reading, look);
	int64_t number = 0;
	if (!template_read_head(l, e))
		return false;
	if (l->key) {
		struct bind b = INT(l->key);
		l->found = false;
		return template_query(l, STMT_TEMPLATE_VERSION_OF, &b, 1, on_version, e) &&
		       (l->found || template_gone(e, l->look.text));
	}
	if (!l->version.p)
		number = l->head.default_version;
	else if (!str_int(l->version, &number))
		number = 0;
	if (!read_version(l, l->look.id.key, number, e))
		return false;
	return l->found || fail(e, ERR_NOT_FOUND, NULL, "Prompt with id '%.*s' and version '%.*s' not found.", FMT(l->head.id),
				(int)(l->version.n < QUOTED ? l->version.n : QUOTED), l->version.p);
}

static struct reading *template_reading_new(struct store_port *p, struct store_op *op, int64_t project, struct str id,
					    struct arena *a)
{
	struct reading *l = look_new(p, op, sizeof *l, project, a);
	l->look.text = look_str(&l->look, id);
	return l;
}

void store_get_template(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct str version,
			struct arena *a, struct stored_template *ret)
{
	struct reading *l = template_reading_new(p, op, project, id, a);
	l->version = look_str(&l->look, version);
	l->ret = look_out(&l->look, ret, sizeof *ret);
	look_start(&l->look, template_read_one);
}

/* --- lists --- */

/* false: the page is full. */
static bool page_room(struct reading *l)
{
	struct template_page *page = l->page;
	page->has_more = page->n == (size_t)l->query.limit || l->bytes > (size_t)store_limits.context_bytes;
	if (!page->has_more)
		l->ret = &page->list[page->n++];
	return !page->has_more;
}

static bool template_on_listed(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	if (!page_room(l))
		return false;
	template_on_head(ctx, cells);
	return read_version(l, cells[0].i, l->head.default_version, l->err) &&
	       (l->found || fail(l->err, ERR_STORE, NULL, "a stored prompt is broken"));
}

static bool bad_after(struct err *e, struct str after, const char *what)
{
	return fail(e, ERR_INVALID_VALUE, "after", "Invalid 'after': '%.*s' is no %s.",
		    (int)(after.n < QUOTED ? after.n : QUOTED), after.p, what);
}

static void page_begin(struct reading *l)
{
	l->page->list = new_array(l->look.arena, struct stored_template, (size_t)l->query.limit + 1);
}

static bool template_read_list(struct look *look, struct err *e)
{
	struct reading *l = OWNER(look, struct reading, look);
	bool up = l->query.ascending;
	if (l->query.after.p && !id_parse(l->query.after, "pmpt", &look->id))
		return bad_after(e, l->query.after, "prompt's id");
	int64_t from = look->id.key;
	page_begin(l);
	struct bind b[] = {INT(l->look.project), INT(up ? from : 0), INT(up || !from ? INT64_MAX : from)};
	l->err = e;
	return template_query(l, up ? STMT_TEMPLATE_ASC : STMT_TEMPLATE_DESC, b, 3, template_on_listed, e) &&
	       e->code == ERR_NONE;
}

static void template_list(struct reading *l, const struct page_query *q, struct template_page *ret,
			  bool (*work)(struct look *look, struct err *e))
{
	*ret = (struct template_page){0};
	l->page = look_out(&l->look, ret, sizeof *ret);
	l->query = look_page(&l->look, q);
	look_start(&l->look, work);
}

void store_list_templates(struct store_port *p, struct store_op *op, int64_t project, const struct page_query *q,
			  struct arena *a, struct template_page *ret)
{
	template_list(template_reading_new(p, op, project, S(""), a), q, ret, template_read_list);
}

static bool on_listed_version(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	if (!page_room(l))
		return false;
	on_version(ctx, cells);
	return true;
}

static bool read_versions(struct look *look, struct err *e)
{
	struct reading *l = OWNER(look, struct reading, look);
	bool up = l->query.ascending;
	struct str after = l->query.after;
	int64_t from = 0;
	if (!template_read_head(l, e))
		return false;
	if (after.p && (!str_int(after, &from) || from < 1 || from > l->head.latest))
		return bad_after(e, after, "version of this prompt");
	page_begin(l);
	struct bind b[] = {INT(look->id.key), INT(up ? from : 0), INT(up || !from ? INT64_MAX : from)};
	return template_query(l, up ? STMT_TEMPLATE_VERSIONS_ASC : STMT_TEMPLATE_VERSIONS_DESC, b, 3, on_listed_version,
			      e);
}

void store_list_template_versions(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				  const struct page_query *q, struct arena *a, struct template_page *ret)
{
	template_list(template_reading_new(p, op, project, id, a), q, ret, read_versions);
}

/* --- writing --- */

void store_put_template(struct store_port *p, struct store_op *op, const struct template_record *t)
{
	struct err full = {0};
	fail(&full, ERR_BAD_REQUEST, NULL, "This project has %lld prompts, as many as it may have (api.prompts).",
	     (long long)t->most);
	struct str why = str_of(full.msg);
	struct store_request *r =
	    request_new(p, op, 2, 16, ID_RND + t->name.n + t->metadata.n + t->body.n + why.n + 1);
	ADD(r, STMT_TEMPLATE_INSERT, INT(t->id.key), INT(t->project), BLOB(rnd_str(&t->id)), INT(t->created_at),
	    TEXT(t->name), TEXT(t->metadata), INT(t->most));
	request_must(r, ERR_BAD_REQUEST, why);
	ADD(r, STMT_TEMPLATE_VERSION_INSERT, INT(id_mint().key), INT(t->id.key), INT(t->created_at), TEXT(t->body));
	request_send(r);
}

/* A request whose first change finds the template by its id, or fails. NULL: the id is none, op will say so. */
static struct store_request *change(struct store_port *p, struct store_op *op, int64_t project, struct str text,
				    enum statement stmt, struct bind value, size_t bytes, struct id *id)
{
	struct err e = {0};
	template_gone(&e, text);
	if (!id_parse(text, "pmpt", id)) {
		request_done(p, op, &e);
		return NULL;
	}
	struct str why = str_of(e.msg);
	struct store_request *r = request_new(p, op, 4, 20, ID_RND + why.n + 1 + bytes);
	ADD(r, stmt, INT(id->key), INT(project), BLOB(rnd_str(id)), value);
	request_must(r, ERR_NOT_FOUND, why);
	return r;
}

void store_set_template(struct store_port *p, struct store_op *op, int64_t project, struct str text,
			const struct template_change *c)
{
	struct id id;
	struct err no = {0};
	fail(&no, ERR_INVALID_VALUE, NULL, "Prompt with id '%.*s' has no version '%lld'.", (int)(text.n < QUOTED ? text.n : QUOTED),
	     text.p, (long long)c->default_version);
	struct str why = str_of(no.msg);
	struct store_request *r = change(p, op, project, text, STMT_TEMPLATE_MOVE, INT(0),
					 c->name.n + c->metadata.n + why.n + 1, &id);
	if (!r)
		return;
	if (c->name.p)
		ADD(r, STMT_TEMPLATE_NAME, INT(id.key), TEXT(c->name));
	if (c->metadata.p)
		ADD(r, STMT_TEMPLATE_METADATA, INT(id.key), TEXT(c->metadata));
	if (c->default_version) {
		ADD(r, STMT_TEMPLATE_DEFAULT, INT(id.key), INT(c->default_version));
		request_must(r, ERR_INVALID_VALUE, why);
	}
	request_send(r);
}

static bool template_deleted(struct store_request *r)
{
	if (!r->apply.err)
		sweeper_wake(r->port->store);
	return true;
}

void store_delete_template(struct store_port *p, struct store_op *op, int64_t project, struct str text)
{
	struct id id;
	struct store_request *r = change(p, op, project, text, STMT_TEMPLATE_DELETE, INT(clock_wall_s()), 0, &id);
	if (!r)
		return;
	r->settle = template_deleted;
	request_send(r);
}

/* It is written: nothing else is to be sent. */
static bool is_added(struct look *look, struct err *e)
{
	request_free(look->write);
	look->write = NULL;
	return true;
}

/* What the new version became: its number is known once it is written. */
static bool added(struct store_request *r)
{
	const struct bind *template = r->changes[0].binds;
	char id[ID_MAX];
	struct id own = {.key = template[0].i};
	if (r->apply.err)
		return true;
	memcpy(own.rnd, template[2].s.p, ID_RND);
	struct reading *l = look_new(r->port, NULL, sizeof *l, template[1].i, r->arena);
	l->look.text = str_copy(&l->look.own, id_text(id, "pmpt", &own));
	l->key = r->changes[1].binds[0].i;
	l->ret = look_out(&l->look, r->ret, sizeof *l->ret);
	return look_after(&l->look, r, template_read_one, is_added);
}

void store_add_template_version(struct store_port *p, struct store_op *op, int64_t project, struct str text,
				struct str body, bool becomes_default, int64_t most, struct arena *a,
				struct stored_template *ret)
{
	struct id id;
	struct err full = {0};
	fail(&full, ERR_BAD_REQUEST, NULL, "Prompt with id '%.*s' has %lld versions, as many as it may have (api.prompt_versions).",
	     (int)(text.n < QUOTED ? text.n : QUOTED), text.p, (long long)most);
	struct str why = str_of(full.msg);
	struct store_request *r =
	    change(p, op, project, text, STMT_TEMPLATE_MOVE, INT(1), body.n + why.n + 1, &id);
	if (!r)
		return;
	ADD(r, STMT_TEMPLATE_VERSION_ADD, INT(id_mint().key), INT(id.key), INT(clock_wall_s()), TEXT(body), INT(most));
	request_must(r, ERR_BAD_REQUEST, why);
	if (becomes_default)
		ADD(r, STMT_TEMPLATE_LATEST, INT(id.key));
	r->settle = added;
	r->ret = ret;
	r->arena = a;
	request_send(r);
}
