/* erase.c - all that a project has, or that an end user's `safety_identifier` is in, goes. */
#include "erase/erase.h"

#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "container/cntr.h"
#include "container/folder.h"
#include "index/search.h"
#include "store/keys.h"
#include "store/kinds.h"
#include "store/user.h"
#include "store/vector_store.h"
#include "store/nodes.h"
#include "wire/json.h"

enum { ERASE_WAIT_MS = 60000, ERASE_LOOK_MS = 20 };

struct erasure {
	const struct erase *with;
	int64_t project;
	int64_t counts[KIND_COUNT], held;
	struct err *err;
};

static void erase_nap(void)
{
	struct timespec t = {.tv_nsec = ERASE_LOOK_MS * 1000000L};
	nanosleep(&t, NULL);
}

/* --- a project ---------------------------------------------------------------------------------------------------- */

static bool erase_container(void *ctx, int64_t key)
{
	struct erasure *g = ctx;
	char path[FOLDER_PATH];
	struct err gone = {0};
	int64_t until = clock_mono_us() / 1000 + ERASE_WAIT_MS;
	struct id id = {.key = key};
	struct node_row where;
	if (!store_has_here(g->with->store, &id, &where)) /* a receipt must not say what nobody here has seen */
		return fail(g->err, ERR_CONFLICT, NULL,
			    "A container of the project has its files on node %d: delete it, or let it expire, and try again.",
			    (int)where.number);
	cntr_drop(g->with->containers, &(struct container){.id = {.key = key}},
		  &gone); /* one that has expired is no container any more */
	folder_at(cntrs_folders(g->with->containers), path, key);
	while (access(path, F_OK) == 0 && clock_mono_us() / 1000 < until)
		erase_nap(); /* a call in it ends first */
	return access(path, F_OK) != 0 ||
	       fail(g->err, ERR_CONFLICT, NULL, "A container of the project is still in use. Try again in a moment.");
}

static bool erase_vector_store(void *ctx, int64_t key)
{
	struct erasure *g = ctx;
	struct err gone = {0};
	return vector_store_delete(g->with->store, key, &gone) || gone.code == ERR_NOT_FOUND ||
	       fail(g->err, gone.code, NULL, "%s", gone.msg);
}

/* Their indexes are the indexer's: it removes them with their rows. */
static bool erase_vector_stores(struct erasure *g)
{
	struct store *s = g->with->store;
	int64_t n = 1, until = clock_mono_us() / 1000 + ERASE_WAIT_MS;
	if (!kind_keys(s, KIND_vector_store, g->project, erase_vector_store, g, g->err) || g->err->code)
		return false;
	for (search_wake(g->with->search); n && clock_mono_us() / 1000 < until; erase_nap())
		if (!kind_count(s, KIND_vector_store, g->project, &n, g->err))
			return false;
	return !n ||
	       fail(g->err, ERR_CONFLICT, NULL, "The indexer is still at work on the project. Try again in a moment.");
}

/* Those that wait go with the rest; those that run would write once more. */
static bool erase_runs_ended(struct erasure *g)
{
	int64_t n = 1, until = clock_mono_us() / 1000 + ERASE_WAIT_MS;
	for (; n && clock_mono_us() / 1000 < until; erase_nap())
		if (!kinds_running(g->with->store, g->project, &n, g->err))
			return false;
	return !n ||
	       fail(g->err, ERR_CONFLICT, NULL,
		    "%lld background responses of the project run. Cancel them, or wait for their end, and try again.",
		    (long long)n);
}

static bool erase_project(struct erasure *g, bool dry)
{
	struct store *s = g->with->store;
	for (int k = 0; k < KIND_COUNT; k++)
		if (!kind_count(s, (enum kind)k, g->project, &g->counts[k], g->err))
			return false;
	if (dry)
		return true;
	if (!erase_vector_stores(g) || !kind_keys(s, KIND_container, g->project, erase_container, g, g->err) ||
	    g->err->code)
		return false;
	for (int k = 0; k < KIND_COUNT; k++)
		if (!kind_erase(s, (enum kind)k, g->project, g->err))
			return false;
	return true;
}

/* --- receipts ----------------------------------------------------------------------------------------------------- */

static void receipt_left(struct jout *o, struct str what, int64_t n, const char *why)
{
	jo_obj(o);
	jo_kstr(o, "what", what);
	if (n >= 0)
		jo_kint(o, "count", n);
	jo_kstr(o, "why", str_of(why));
	jo_obj_end(o);
}

static void receipt_begin(struct jout *o, const struct erase_what *w)
{
	jo_obj(o);
	jo_kstr(o, "object", S("erasure"));
	jo_kbool(o, "erased", !w->dry);
	jo_kint(o, "at", clock_wall_s());
	if (w->user.n)
		jo_kstr(o, "user", w->user);
	else
		jo_kstr(o, "project", w->project);
	jo_key(o, S("counts"));
	jo_obj(o);
}

static void receipt_end(struct jout *o, int64_t held)
{
	if (held)
		receipt_left(o, S("files"), held, "somebody copies the data folder: their bytes go when the copy ends");
	receipt_left(o, S("the cache of web pages"), -1,
		     "pages of the web, of no project; it is bounded and may be deleted (web.db)");
	receipt_left(o, S("backups, exports, logs"), -1, "outside the data folder");
	jo_arr_end(o);
	jo_obj_end(o);
}

static void receipt_project(struct buf *b, const struct erasure *g, const struct erase_what *w)
{
	struct jout o = {b, false};
	receipt_begin(&o, w);
	for (int k = 0; k < KIND_COUNT; k++) {
		jo_key(&o, str_of(kind_rows[k].table));
		jo_int(&o, g->counts[k]);
	}
	jo_obj_end(&o);
	jo_key(&o, S("left"));
	jo_arr(&o);
	for (size_t i = 0; i < n_kind_stays; i++)
		receipt_left(&o, str_of(kind_stays[i].table), -1, kind_stays[i].why);
	receipt_end(&o, g->held);
}

static void receipt_user(struct buf *b, const struct user_erased *u, int64_t held, const struct erase_what *w)
{
	struct jout o = {b, false};
	receipt_begin(&o, w);
	jo_kint(&o, "response", u->responses);
	jo_kint(&o, "conversation", u->conversations);
	jo_kint(&o, "run", u->runs);
	jo_obj_end(&o);
	jo_key(&o, S("left"));
	jo_arr(&o);
	if (u->running)
		receipt_left(&o, S("run"), u->running, "they run: cancel them, and erase once more");
	if (u->held)
		receipt_left(&o, S("context"), u->held, "responses of others continue them, with their items");
	receipt_left(&o, S("files, vector stores, containers, batches, chat completions"), -1,
		     "they carry no safety_identifier: delete them by their ids, or erase the project");
	receipt_end(&o, held);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

/* As it is kept: "project NAME" or "user IDENTIFIER". */
static struct str erase_note(struct arena *a, const struct erase_what *w)
{
	return w->user.n ? str_fmt(a, "user %.*s", FMT(w->user)) : str_fmt(a, "project %.*s", FMT(w->project));
}

bool erase_run(const struct erase *with, const struct erase_what *w, struct buf *receipt, struct err *e)
{
	struct erasure g = {.with = with, .err = e};
	struct user_erased u = {0};
	struct arena a = {0};
	bool ok = w->user.n || project_find(with->store, w->project, false, &g.project, e);
	ok = ok && (w->dry || w->user.n || erase_runs_ended(&g));
	ok = ok && (w->dry || erasing_set(with->store, erase_note(&a, w), e));
	if (ok)
		ok = w->user.n ? user_erase(with->store, w->user, w->dry, &u, e) : erase_project(&g, w->dry);
	ok = ok && (w->dry || (kinds_scrub(with->store, &g.held, e) && erasing_set(with->store, (struct str){0}, e)));
	if (ok && w->user.n)
		receipt_user(receipt, &u, g.held, w);
	else if (ok)
		receipt_project(receipt, &g, w);
	arena_free(&a);
	return ok;
}

bool erase_resume(const struct erase *with, struct arena *a, struct str *what, struct err *e)
{
	struct erase_what w = {0};
	struct buf receipt;
	if (!erasing_get(with->store, a, what, e) || !what->n)
		return e->code == ERR_NONE;
	struct str rest = *what, kind = str_cut(&rest, ' ');
	if (str_eq(kind, S("user")))
		w.user = rest;
	else
		w.project = rest;
	buf_init(&receipt, 1 << 20);
	bool ok = erase_run(with, &w, &receipt, e);
	buf_release(&receipt);
	return ok;
}
