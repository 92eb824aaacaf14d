/* skill.c - skills and their versions. */
#include "store/skill.h"

#include <string.h>

#include "store/file.h"
#include "store/look.h"

#include "store/sealed.h"
#include "store/sweep.h"

#include "base/clock.h"
#include "store/blob.h"
#include "store/lend.h"
#include "store/request.h"

enum { QUOTED = 200 };

static bool skill_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Skill with id '%.*s' not found.", (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct skill_look {
	struct store *store;
	struct arena *arena;
	int64_t project;
	struct str text, which;
	struct id id;
	struct skill *skill;
	struct skill_version *version;
	const struct page_query *q;
	struct skill_page *page;
	bool found;
};

static bool skill_query(struct skill_look *l, struct db_reader *r, enum statement stmt, const struct bind *b, unsigned n,
			row_fn *row, struct err *e)
{
	return sealed_query(l->store, r, stmt, b, n, row, l, e);
}

/* Columns of SKILL_GET, SKILL_ASC, SKILL_DESC. */
static void skill_take(struct arena *a, const struct cell *cells, struct skill *ret)
{
	*ret = (struct skill){.id.key = cells[0].i,
			      .created_at = cells[2].i,
			      .version = cells[3].i,
			      .latest = cells[4].i,
			      .name = str_copy(a, cells[5].s),
			      .description = str_copy(a, cells[6].s)};
	if (cells[1].s.n == ID_RND)
		memcpy(ret->id.rnd, cells[1].s.p, ID_RND);
}

/* Columns of SKILL_VERSION_GET, _OF, _ASC, _DESC. */
static void skill_take_version(struct arena *a, const struct cell *cells, struct skill_version *ret)
{
	*ret = (struct skill_version){.id.key = cells[0].i,
				      .number = cells[2].i,
				      .created_at = cells[3].i,
				      .bytes = cells[4].i,
				      .name = str_copy(a, cells[5].s),
				      .description = str_copy(a, cells[6].s)};
	if (cells[1].s.n == ID_RND)
		memcpy(ret->id.rnd, cells[1].s.p, ID_RND);
}

static bool skill_on_one(void *ctx, const struct cell *cells)
{
	struct skill_look *l = ctx;
	l->found = rnd_equal(cells[1].s, &l->id);
	if (l->found)
		skill_take(l->arena, cells, l->skill);
	return false;
}

static bool skill_on_version(void *ctx, const struct cell *cells)
{
	struct skill_look *l = ctx;
	l->found = true;
	skill_take_version(l->arena, cells, l->version);
	return false;
}

static bool skill_find(struct skill_look *l, struct db_reader *r, struct err *e)
{
	l->found = false;
	if (!id_parse(l->text, "skill", &l->id))
		return skill_gone(e, l->text);
	struct bind b[] = {INT(l->id.key), INT(l->project)};
	return skill_query(l, r, STMT_SKILL_GET, b, 2, skill_on_one, e) && (l->found || skill_gone(e, l->text));
}

static bool skill_read_one(struct db_reader *r, void *ctx, struct err *e)
{
	return skill_find(ctx, r, e);
}

bool skill_get(struct store *s, int64_t project, struct str id, struct arena *a, struct skill *ret, struct err *e)
{
	struct skill_look l = {.store = s, .arena = a, .project = project, .text = id, .skill = ret};
	return lent_read(s, skill_read_one, &l, e);
}

static bool skill_read_version(struct db_reader *r, void *ctx, struct err *e)
{
	struct skill_look *l = ctx;
	if (!skill_find(l, r, e))
		return false;
	struct bind b[] = {INT(l->id.key), INT(l->skill->version)};
	if (str_eq(l->which, S("latest")))
		b[1] = INT(l->skill->latest);
	else if (l->which.p && !str_int(l->which, &b[1].i))
		b[1] = INT(0);
	l->found = false;
	if (!skill_query(l, r, STMT_SKILL_VERSION_GET, b, 2, skill_on_version, e))
		return false;
	return l->found || fail(e, ERR_NOT_FOUND, NULL, "Skill with id '%.*s' has no version '%.*s'.", FMT(l->text),
				(int)(l->which.n < QUOTED ? l->which.n : QUOTED), l->which.p ? l->which.p : "");
}

bool skill_version_get(struct store *s, int64_t project, struct str id, struct str which, struct arena *a,
		       struct skill *ret, struct skill_version *version, struct err *e)
{
	struct skill_look l = {
	    .store = s, .arena = a, .project = project, .text = id, .which = which, .skill = ret, .version = version};
	return lent_read(s, skill_read_version, &l, e);
}

/* --- lists ------------------------------------------------------------------------------------------------------- */

static bool skill_bad_after(struct err *e, struct str after, const char *what)
{
	return fail(e, ERR_INVALID_VALUE, "after", "Invalid 'after': '%.*s' is no %s.",
		    (int)(after.n < QUOTED ? after.n : QUOTED), after.p, what);
}

/* false: the page is full. */
static bool skill_room(struct skill_look *l)
{
	l->page->has_more = l->page->n == (size_t)l->q->limit;
	return !l->page->has_more;
}

static bool skill_on_listed(void *ctx, const struct cell *cells)
{
	struct skill_look *l = ctx;
	if (!skill_room(l))
		return false;
	skill_take(l->arena, cells, &l->page->list[l->page->n++]);
	return true;
}

static bool skill_on_listed_version(void *ctx, const struct cell *cells)
{
	struct skill_look *l = ctx;
	if (!skill_room(l))
		return false;
	skill_take_version(l->arena, cells, &l->page->versions[l->page->n++]);
	return true;
}

static bool skill_page(struct skill_look *l, struct db_reader *r, int64_t of, int64_t after, enum statement up,
		       enum statement down, row_fn *row, struct err *e)
{
	bool ascending = l->q->ascending;
	struct bind b[] = {INT(of), INT(ascending ? after : 0), INT(ascending || !after ? INT64_MAX : after),
			   INT(l->q->limit + 1)};
	return skill_query(l, r, ascending ? up : down, b, 4, row, e);
}

static bool skill_read_list(struct db_reader *r, void *ctx, struct err *e)
{
	struct skill_look *l = ctx;
	struct id at = {0};
	if (l->q->after.p && !id_parse(l->q->after, "skill", &at))
		return skill_bad_after(e, l->q->after, "skill's id");
	return skill_page(l, r, l->project, at.key, STMT_SKILL_ASC, STMT_SKILL_DESC, skill_on_listed, e);
}

bool skill_list(struct store *s, int64_t project, const struct page_query *q, struct arena *a, struct skill_page *ret,
		struct err *e)
{
	struct skill_look l = {.store = s, .arena = a, .project = project, .q = q, .page = ret};
	*ret = (struct skill_page){.list = new_array(a, struct skill, (size_t)q->limit + 1)};
	return lent_read(s, skill_read_list, &l, e);
}

static bool skill_read_versions(struct db_reader *r, void *ctx, struct err *e)
{
	struct skill_look *l = ctx;
	struct skill_version at = {0};
	l->version = &at;
	if (l->q->after.p) {
		struct id id = {0};
		if (!id_parse(l->q->after, "skillver", &id))
			return skill_bad_after(e, l->q->after, "skill version's id");
		struct bind b[] = {INT(l->id.key), INT(id.key)};
		if (!skill_query(l, r, STMT_SKILL_VERSION_OF, b, 2, skill_on_version, e))
			return false;
		if (!l->found || memcmp(at.id.rnd, id.rnd, ID_RND))
			return skill_bad_after(e, l->q->after, "version of this skill");
	}
	return skill_page(l, r, l->id.key, at.number, STMT_SKILL_VERSION_ASC, STMT_SKILL_VERSION_DESC,
			  skill_on_listed_version, e);
}

bool skill_version_list(struct store *s, const struct skill *k, const struct page_query *q, struct arena *a,
			struct skill_page *ret, struct err *e)
{
	struct skill_look l = {.store = s, .arena = a, .id = k->id, .q = q, .page = ret};
	*ret = (struct skill_page){.versions = new_array(a, struct skill_version, (size_t)q->limit + 1)};
	return lent_read(s, skill_read_versions, &l, e);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

#define SKILL_GONE "The skill was deleted meanwhile."
#define SKILL_IS_DEFAULT                                                                                               \
	"The default version of a skill cannot be deleted: make another one the default first, or delete the skill."
enum { SKILL_TEXTS = 1024 /* the reasons that a request carries, together */ };

static void skill_add_version(struct store_request *r, int64_t project, const struct id *skill,
			      const struct skill_version *v, const struct skill_bounds *most)
{
	file_count(r, project, v->bytes);
	ADD(r, STMT_SKILL_VERSION_INSERT, INT(v->id.key), INT(skill->key), BLOB(rnd_str(&v->id)), INT(v->created_at),
	    INT(v->bytes), TEXT(v->name), TEXT(v->description), INT(most->versions));
	request_must(r, ERR_BAD_REQUEST,
		     S("This skill has as many versions as it may have (skills.versions). Delete those that are not needed."));
}

bool skill_put(struct store *s, int64_t project, const struct skill *k, const struct skill_version *first,
	       const struct skill_bounds *most, struct err *e)
{
	struct store_request *r =
	    request_new(NULL, NULL, 3, 17, 2 * ID_RND + first->name.n + first->description.n + SKILL_TEXTS);
	ADD(r, STMT_SKILL_INSERT, INT(k->id.key), INT(project), BLOB(rnd_str(&k->id)), INT(k->created_at), INT(most->skills));
	request_must(r, ERR_BAD_REQUEST,
		     S("This project has as many skills as it may have (skills.project). Delete those that are not needed."));
	skill_add_version(r, project, &k->id, first, most);
	return store_write(s, r, e);
}

struct skill_number {
	struct store *store;
	int64_t skill;
	struct skill_version *v;
};

static bool skill_on_number(void *ctx, const struct cell *cells)
{
	((struct skill_number *)ctx)->v->number = cells[2].i;
	return false;
}

static bool skill_read_number(struct db_reader *r, void *ctx, struct err *e)
{
	struct skill_number *n = ctx;
	struct bind b[] = {INT(n->skill), INT(n->v->id.key)};
	return sealed_query(n->store, r, STMT_SKILL_VERSION_OF, b, 2, skill_on_number, n, e);
}

bool skill_version_put(struct store *s, int64_t project, const struct id *skill, struct skill_version *v,
		       bool becomes_default, const struct skill_bounds *most, struct err *e)
{
	struct skill_number n = {s, skill->key, v};
	struct store_request *r =
	    request_new(NULL, NULL, 4, 14, ID_RND + v->name.n + v->description.n + SKILL_TEXTS);
	ADD(r, STMT_SKILL_GROW, INT(skill->key));
	request_must(r, ERR_NOT_FOUND, S(SKILL_GONE));
	skill_add_version(r, project, skill, v, most);
	if (becomes_default)
		ADD(r, STMT_SKILL_LATEST, INT(skill->key));
	return store_write(s, r, e) && lent_read(s, skill_read_number, &n, e);
}

bool skill_set_default(struct store *s, const struct skill *k, int64_t number, struct err *e)
{
	struct err why = {0};
	struct store_request *r = request_new(NULL, NULL, 1, 2, SKILL_TEXTS);
	ADD(r, STMT_SKILL_DEFAULT, INT(k->id.key), INT(number));
	request_must(r, ERR_INVALID_VALUE, S("no such version"));
	if (store_write(s, r, &why))
		return true;
	if (why.code == ERR_INVALID_VALUE) {
		char id[ID_MAX];
		return fail(e, ERR_INVALID_VALUE, "default_version",
			    "Invalid 'default_version': skill with id '%s' has no version '%lld'.",
			    id_text(id, "skill", &k->id).p, (long long)number);
	}
	*e = why;
	return false;
}

bool skill_delete(struct store *s, const struct skill *k, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 2, sizeof SKILL_GONE + 1);
	ADD(r, STMT_SKILL_DELETE, INT(k->id.key), INT(clock_wall_s()));
	request_must(r, ERR_NOT_FOUND, S(SKILL_GONE));
	if (!store_write(s, r, e))
		return false;
	sweeper_wake(s);
	return true;
}

bool skill_version_delete(struct store *s, int64_t project, const struct skill *k, const struct skill_version *v,
			  struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 2, 3, SKILL_TEXTS);
	ADD(r, STMT_SKILL_VERSION_DELETE, INT(v->id.key));
	request_must(r, ERR_BAD_REQUEST, S(SKILL_IS_DEFAULT));
	ADD(r, STMT_USAGE_FREE, INT(project), INT(v->bytes));
	if (k->version == v->number) {
		request_free(r);
		return fail(e, ERR_BAD_REQUEST, "version", SKILL_IS_DEFAULT);
	}
	if (!store_write(s, r, e))
		return false;
	blob_drop(s, v->id.key);
	return true;
}
