/* blob_move.c - files' bytes from one place to another. */
#include "store/blob_move.h"

#include <fcntl.h>
#include <unistd.h>

#include "store/blob_place.h"
#include "store/blobs.h"
#include "store/core.h"
#include "store/inlay.h"
#include "store/lend.h"
#include "store/node.h"
#include "store/sealed.h"
#include "store/place_folder.h"

enum { MOVE_PIECE = 1 << 20 };

struct moving {
	struct store *store;
	struct blob_move *m;
	struct place *from, *to;
	struct err *err;
	enum statement list; /* of what rows name, and what is done with each of its rows */
	row_fn *row;
	bool (*each)(struct moving *w, int64_t key, int64_t bytes, struct err *e);
};

static bool blob_move_pour(struct place_in *in, struct place_out *out, struct err *e)
{
	char *piece = xrealloc(NULL, MOVE_PIECE);
	ssize_t n = 1;
	for (int64_t at = 0; n > 0; at += n) {
		n = in->place->kind->read(in, at, piece, MOVE_PIECE, e);
		if (n > 0 && !out->place->kind->write(out, (struct str){piece, (size_t)n}, e))
			n = -1;
	}
	xfree(piece);
	return n == 0;
}

/* Its length; -1: it is not there, or e. */
static int64_t blob_move_length(struct place *p, int64_t key, struct err *e)
{
	struct err why = {0};
	struct place_in *in = p->kind->open(p, key, &why);
	int64_t n = in ? in->bytes : -1;
	if (in)
		p->kind->close(in);
	else if (why.code != ERR_NOT_FOUND && !e->code)
		*e = why;
	return n;
}

static bool blob_move_bytes(struct moving *w, int64_t key, int64_t bytes, struct err *e)
{
	struct place_in *in = w->from->kind->open(w->from, key, e);
	if (!in)
		return false;
	struct place_out *out = w->to->kind->begin(w->to, key, e);
	bool ok = out && blob_move_pour(in, out, e);
	if (ok)
		ok = w->to->kind->keep(out, e);
	else if (out)
		w->to->kind->abandon(out);
	w->from->kind->close(in);
	if (!ok) {
		struct err ignored = {0};
		w->to->kind->remove(w->to, key, &ignored);
		return false;
	}
	return blob_move_length(w->to, key, e) == bytes ||
	       fail(e, ERR_STORE, NULL, "%016llx has arrived with another length", (unsigned long long)key);
}

static bool blob_move_one(struct moving *w, int64_t key, int64_t bytes, struct err *e)
{
	struct err none = {0};
	int64_t here = blob_move_length(w->to, key, e);
	if (e->code)
		return false;
	if (here == bytes) {
		w->m->there++;
		return true;
	}
	w->to->kind->remove(w->to, key, &none); /* half a copy */
	if (!blob_move_bytes(w, key, bytes, e))
		return false;
	w->m->files++;
	w->m->bytes += bytes;
	if (w->m->progress)
		w->m->progress(w->m->ctx, w->m);
	return true;
}

static bool blob_move_away(struct moving *w, int64_t key, int64_t bytes, struct err *e)
{
	return w->from->kind->remove(w->from, key, e);
}

static bool blob_move_on_blob(void *ctx, const struct cell *cells)
{
	struct moving *w = ctx;
	return w->each(w, cells[0].i, cells[1].i, w->err);
}

static bool blob_move_on_inlay(void *ctx, const struct cell *cells)
{
	struct moving *w = ctx;
	return w->each(w, cells[0].i, inlay_bytes(cells[1].s), w->err);
}

static bool blob_move_read(struct db_reader *r, void *ctx, struct err *e)
{
	struct moving *w = ctx;
	w->err = e;
	return sealed_query(w->store, r, w->list, NULL, 0, w->row, w, e) && e->code == ERR_NONE;
}

/* All of one list: there, and then away from where it was. */
static bool blob_move_list(struct moving *w, enum blob_where from, struct err *e)
{
	struct store *s = w->store;
	w->from = blobs_place_at(s->node->blobs, from, e);
	if (!w->from)
		return false;
	w->each = blob_move_one;
	bool ok = s->driver->read(s->reader, blob_move_read, w, e);
	w->each = blob_move_away;
	ok = ok && s->driver->read(s->reader, blob_move_read, w, e);
	w->from->kind->free(w->from);
	return ok;
}

bool blobs_move(struct store *s, struct blob_move *m, struct err *e)
{
	struct moving files = {
	    .store = s, .m = m, .to = blobs_place(s->node->blobs), .list = STMT_BLOB_LIST, .row = blob_move_on_blob};
	struct moving inlays = {
	    .store = s, .m = m, .to = blobs_near(s->node->blobs), .list = STMT_INLAY_LIST, .row = blob_move_on_inlay};
	enum blob_where near = blobs_near_where(s, m->from);
	if (m->from == blob_options.where)
		return fail(
		    e, ERR_CONFIG, NULL,
		    "the files are to be moved to where blobs.place says: name another place to move them from");
	return blob_move_list(&files, m->from, e) &&
	       (near == blobs_near_where(s, blob_options.where) || blob_move_list(&inlays, near, e));
}

/* --- what was not moved ------------------------------------------------------------------------------------------ */

struct blob_move_left {
	int dir;
	int64_t n;
};

static bool blob_move_on_left(void *ctx, const struct cell *cells)
{
	struct blob_move_left *l = ctx;
	char name[BLOB_NAME];
	place_folder_name(name, cells[0].i);
	l->n += faccessat(l->dir, name, F_OK, 0) == 0;
	return true;
}

bool blobs_all_moved(struct store *s, struct err *e)
{
	struct blob_move_left l = {.dir = blobs_dir(s->node->blobs)};
	struct lent_query files = {.stmt = STMT_BLOB_LIST, .row = blob_move_on_left};
	struct lent_query inlays = {.stmt = STMT_INLAY_LIST, .row = blob_move_on_left};
	bool apart = blobs_near_where(s, blob_options.where) != BLOBS_FOLDER;
	if (blob_options.where == BLOBS_FOLDER)
		return true;
	return lent_rows(s, &files, &l, e) && (!apart || lent_rows(s, &inlays, &l, e)) &&
	       (!l.n || fail(e, ERR_CONFIG, NULL,
			     "%lld files lie in the data folder, and blobs.place says elsewhere: move them (antiphon "
			     "blobs move --from folder), or set it back",
			     (long long)l.n));
}
