/* copy.c - what a copy of a data folder is made of. */
#include "store/copy.h"

#include <limits.h>

#include "store/blob_seal.h"
#include "store/blobs.h"
#include "store/blobs_list.h"
#include "store/core.h"
#include "store/inlay.h"

bool copy_database(const struct store_options *o, const char *to, struct err *e)
{
	char path[PATH_MAX];
	const struct driver *driver;
	if (!store_driver(o, path, &driver, e))
		return false;
	return driver->copy ? driver->copy(path, to, e)
			    : fail(e, ERR_CONFIG, NULL, "a store at %s... is copied by its own means", driver->scheme);
}

struct copy_walk {
	struct store *store;
	bool (*each)(void *ctx, const struct copy_file *f, struct err *e);
	void *ctx;
	struct err *err;
	struct arena arena; /* of one name */
};

static bool copy_tell(struct copy_walk *w, struct str path, int64_t bytes, bool changes)
{
	bool on = w->each(w->ctx, &(struct copy_file){path, bytes, changes ? bytes : blob_seal_size(bytes), changes}, w->err);
	arena_free(&w->arena);
	return on;
}

static bool on_copy_blob(void *ctx, const struct cell *cells)
{
	struct copy_walk *w = ctx;
	char name[BLOB_NAME];
	blobs_name(name, cells[0].i);
	return copy_tell(w, str_fmt(&w->arena, "files/%s", name), cells[1].i, false);
}

static bool on_copy_inlay(void *ctx, const struct cell *cells)
{
	struct copy_walk *w = ctx;
	char name[BLOB_NAME];
	blobs_name(name, cells[0].i);
	return copy_tell(w, str_fmt(&w->arena, "files/%s", name), inlay_bytes(cells[1].s), false);
}

static bool on_copy_container_file(void *ctx, const struct cell *cells)
{
	struct copy_walk *w = ctx;
	char name[BLOB_NAME];
	blobs_name(name, cells[0].i);
	return copy_tell(w, str_fmt(&w->arena, "boxes/%s/%.*s", name, FMT(cells[1].s)), cells[2].i, true);
}

static bool copy_read(struct db_reader *r, void *ctx, struct err *e)
{
	struct copy_walk *w = ctx;
	const struct driver *d = w->store->driver;
	w->err = e;
	return d->query(r, STMT_BLOB_LIST, NULL, 0, on_copy_blob, w, e) && e->code == ERR_NONE &&
	       d->query(r, STMT_INLAY_LIST, NULL, 0, on_copy_inlay, w, e) && e->code == ERR_NONE &&
	       d->query(r, STMT_CONTAINER_FILE_ALL, NULL, 0, on_copy_container_file, w, e) && e->code == ERR_NONE;
}

bool copy_files(struct store *s, bool (*each)(void *ctx, const struct copy_file *f, struct err *e), void *ctx,
		struct err *e)
{
	struct copy_walk w = {.store = s, .each = each, .ctx = ctx};
	return s->driver->read(s->reader, copy_read, &w, e);
}
