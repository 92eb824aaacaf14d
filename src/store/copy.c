/* copy.c - what a copy of a data folder is made of. */
#include "store/copy.h"

#include <limits.h>

#include "store/blob_place.h"
#include "store/blobs.h"
#include "store/drivers.h"
#include "store/inlay.h"
#include "store/node.h"
#include "store/place_folder.h"

bool copy_database(const struct store_options *o, const char *to, struct err *e)
{
	char path[PATH_MAX];
	const struct driver *driver;
	if (!store_driver(o, path, &driver, e))
		return false;
	return driver->copy ? driver->copy(path, to, e)
			    : fail(e, ERR_CONFIG, NULL, "rows in PostgreSQL are copied by pg_dump, then the data folder's files (docs/postgres.md, "
						   "Backups)");
}

struct copy_walk {
	struct store *store;
	bool (*each)(void *ctx, const struct copy_file *f, struct err *e);
	void *ctx;
	struct err *err;
	struct arena arena; /* of one name */
};

static bool copy_tell(struct copy_walk *w, struct copy_file f)
{
	bool on = w->each(w->ctx, &f, w->err);
	arena_free(&w->arena);
	return on;
}

static bool copy_blob(struct copy_walk *w, const struct place *lies, int64_t key, int64_t bytes)
{
	char name[BLOB_NAME];
	bool elsewhere = lies->kind->shared;
	place_folder_name(name, key);
	return copy_tell(w, (struct copy_file){.path = elsewhere ? str_of(name) : str_fmt(&w->arena, "files/%s", name),
					       .bytes = bytes,
					       .elsewhere = elsewhere});
}

static bool on_copy_blob(void *ctx, const struct cell *cells)
{
	struct copy_walk *w = ctx;
	return copy_blob(w, blobs_place(w->store->node->blobs), cells[0].i, cells[1].i);
}

static bool on_copy_inlay(void *ctx, const struct cell *cells)
{
	struct copy_walk *w = ctx;
	return copy_blob(w, blobs_near(w->store->node->blobs), cells[0].i, inlay_bytes(cells[1].s));
}

static bool on_copy_container_file(void *ctx, const struct cell *cells)
{
	struct copy_walk *w = ctx;
	char name[BLOB_NAME];
	place_folder_name(name, cells[0].i);
	struct str path = str_fmt(&w->arena, "boxes/%s/%.*s", name, FMT(cells[1].s));
	return copy_tell(w, (struct copy_file){.path = path, .bytes = cells[2].i, .changes = true});
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
