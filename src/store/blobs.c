/* blobs.c - where blobs are, and what no row knows at an opening. */
#include "store/blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/blob_options.h"
#include "store/core.h"
#include "store/hold.h"
#include "store/node.h"
#include "store/place_folder.h"
#include "store/place_s3.h"
#include "store/sealed.h"

struct blobs {
	int dir;
	struct place *place, *near; /* often the same */
};

int blobs_dir(const struct blobs *b)
{
	return b->dir;
}

struct place *blobs_place(const struct blobs *b)
{
	return b->place;
}

struct place *blobs_near(const struct blobs *b)
{
	return b->near;
}

/* --- what no row knows ----------------------------------------------------------------------------------- */

struct orphans {
	struct store *store;
	struct db_reader *reader;
	bool known;
	size_t n;
};

static bool on_known(void *ctx, const struct cell *cells)
{
	((struct orphans *)ctx)->known = true;
	return false;
}

static bool blobs_judge_found(void *ctx, const struct place_found *f, struct err *e)
{
	struct orphans *o = ctx;
	struct place *p = o->store->node->blobs->near;
	struct err ignored = {0}; /* what could not be removed is found again */
	struct bind b = INT(f->key);
	o->known = false;
	if (f->key && !sealed_query(o->store, o->reader, STMT_BLOB_KNOWN, &b, 1, on_known, o, e))
		return false;
	o->n += !o->known && p->kind->remove_named(p, f->name, &ignored);
	return true;
}

static bool blobs_find_orphans(struct db_reader *r, void *ctx, struct err *e)
{
	struct orphans *o = ctx;
	struct place *p = o->store->node->blobs->near;
	o->reader = r;
	return p->kind->list(p, blobs_judge_found, o, e);
}

/* --- places ------------------------------------------------------------------------------------------------------ */

static bool blobs_path(char path[PATH_MAX], const char *dir, const char *name, struct err *e)
{
	return (size_t)snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX ||
	       fail(e, ERR_CONFIG, NULL, "the name of the data folder is too long");
}

static int blobs_folder(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fail(e, ERR_CONFIG, NULL, "cannot use the folder %s: %m", path);
	return fd;
}

static struct place *blobs_place_own(int dir, struct err *e)
{
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		fail(e, ERR_CONFIG, NULL, "cannot use the folder for files: %m");
	return fd < 0 ? NULL : place_folder_new(fd, false);
}

static struct place *blobs_place_shared(struct err *e)
{
	struct arena a = {0};
	int fd = -1;
	if (!blob_options.dir.n)
		fail(e, ERR_CONFIG, NULL,
		     "blobs.dir names no folder: blobs.place=shared needs one that all nodes have");
	else
		fd = blobs_folder(str_copy(&a, blob_options.dir).p, e);
	arena_free(&a);
	return fd < 0 ? NULL : place_folder_new(fd, true);
}

/* `dir` NULL: without a cache, which is the serving process's. */
static struct place *blobs_place_s3(const char *dir, struct err *e)
{
	char path[PATH_MAX];
	struct blob_cache *cache = NULL;
	struct s3 *s3;
	if (!s3_new(&blob_options.s3, &s3, e))
		return NULL;
	if (dir && blob_limits.cache_bytes &&
	    (!blobs_path(path, dir, "files-cache", e) || !blob_cache_new(path, blob_limits.cache_bytes, &cache, e))) {
		s3_free(s3);
		return NULL;
	}
	return place_s3_new(s3, cache);
}

/* `cache`: the folder of the cache, NULL: none. */
static struct place *blobs_place_of(enum blob_where w, int dir, const char *cache, struct err *e)
{
	switch (w) {
	case BLOBS_SHARED:
		return blobs_place_shared(e);
	case BLOBS_S3:
		return blobs_place_s3(cache, e);
	case BLOBS_FOLDER:
		break;
	}
	return blobs_place_own(dir, e);
}

struct place *blobs_place_at(const struct blobs *b, enum blob_where w, struct err *e)
{
	return blobs_place_of(w, b->dir, NULL, e);
}

/* What a loop reads lies in a folder. Where reads are answered by other threads, and maybe by other nodes, nothing has
 * to. */
enum blob_where blobs_near_where(const struct store *s, enum blob_where w)
{
	return w == BLOBS_S3 && s->driver->at_once ? BLOBS_FOLDER : w;
}

static bool blobs_make(struct store *s, const char *dir, const char *cache, struct err *e)
{
	struct blobs *b = s->node->blobs;
	char path[PATH_MAX];
	if (!blobs_path(path, dir, "files", e) || (b->dir = blobs_folder(path, e)) < 0 ||
	    !(b->place = blobs_place_of(blob_options.where, b->dir, cache, e)))
		return false;
	enum blob_where near = blobs_near_where(s, blob_options.where);
	b->near = near != blob_options.where ? blobs_place_of(near, b->dir, NULL, e) : b->place;
	return b->near != NULL;
}

static bool blobs_begin(struct store *s, const char *dir, const char *cache, struct err *e)
{
	struct blobs *b = s->node->blobs = xalloc(sizeof *b);
	b->dir = -1;
	return blobs_make(s, dir, cache, e);
}

bool blobs_look(struct store *s, const char *dir, struct err *e)
{
	return blobs_begin(s, dir, NULL, e);
}

void blobs_close(struct store *s)
{
	struct blobs *b = s->node->blobs;
	if (!b)
		return;
	if (b->near && b->near != b->place)
		b->near->kind->free(b->near);
	if (b->place)
		b->place->kind->free(b->place);
	if (b->dir >= 0)
		close(b->dir);
	xfree(b);
	s->node->blobs = NULL;
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* Those near, where nobody else puts any: whatever has no row was left over. */
static bool blobs_open_near(struct store *s, struct err *e)
{
	struct blobs *b = s->node->blobs;
	struct orphans o = {.store = s};
	if (b->near->kind->shared)
		return true;
	int hold = hold_try(b->dir); /* somebody copies: what is left over goes at another start */
	bool ok = hold < 0 || s->driver->read(s->reader, blobs_find_orphans, &o, e);
	hold_end(hold);
	if (o.n)
		log_at(LOG_INFO, "unfinished files removed", "n=%zu", o.n);
	return ok;
}

bool blobs_open(struct store *s, const char *dir, struct err *e)
{
	char path[PATH_MAX];
	if (!blobs_path(path, dir, "files", e))
		return false;
	if (mkdir(path, 0700) && errno != EEXIST)
		return fail(e, ERR_CONFIG, NULL, "cannot make the folder for files in %s: %m", dir);
	if (s->driver->shared && blob_options.where == BLOBS_FOLDER)
		log_at(LOG_WARN, "files lie on this node alone", "mend=\"blobs.place: shared or s3\"");
	return blobs_begin(s, dir, dir, e) && blobs_open_near(s, e);
}
