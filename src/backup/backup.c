/* backup.c - a copy of the data folder. */
#include "backup/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "session/share.h"
#include "store/beside.h"
#include "store/check.h"
#include "store/copy.h"
#include "store/folder.h"
#include "store/hold.h"

enum { BACKUP_PIECE = 1 << 26 /* bytes a call copies at most */ };

struct backup_work {
	struct backup *b;
	struct arena arena;
	struct str partial;    /* TO.partial */
	const char *from, *db; /* the data folder; the copied database */
	struct store *copy;
	FILE *elsewhere; /* the list of files that lie elsewhere; NULL: none does */
	struct err wrong; /* what the check of the copy found first */
};

static struct str backup_path(struct backup_work *w, struct str dir, const char *name)
{
	return str_fmt(&w->arena, "%.*s/%s", FMT(dir), name);
}

/* --- one file ----------------------------------------------------------------------------------------------------- */

/* Makes the folders on the way to `path`, below the copy. */
static bool backup_way(struct backup_work *w, char *path, struct err *e)
{
	for (char *c = path + w->partial.n + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = 0;
		bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
		if (!ok)
			return fail(e, ERR_STORE, NULL, "cannot make the folder %s: %m", path);
		*c = '/';
	}
	return true;
}

/* All that can be read from `from`; *ret: how much that was. The file system shares the bytes where it can. */
static bool backup_bytes(int from, int to, const char *path, int64_t *ret, struct err *e)
{
	ssize_t n;
	*ret = 0;
	while ((n = copy_file_range(from, NULL, to, NULL, BACKUP_PIECE, 0)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(e, errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_STORE, NULL,
				    "cannot write %s: %m", path);
		*ret += n;
	}
	return true;
}

static bool backup_fill(struct backup_work *w, int from, const char *name, int64_t *bytes, struct err *e)
{
	struct str path = backup_path(w, w->partial, name);
	if (!backup_way(w, (char *)path.p, e))
		return false;
	int to = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(e, ERR_STORE, NULL, "cannot make %s: %m", path.p);
	bool ok = backup_bytes(from, to, path.p, bytes, e);
	close(to);
	return ok;
}

/* -1 and no error: what may change has gone. No link is followed in what strangers' code has made. */
static int backup_source(struct backup_work *w, const struct copy_file *f, struct err *e)
{
	struct err gone = {0};
	struct stat st;
	int fd = share_open(w->from, f->path, &st, &gone);
	if (fd >= 0 && f->changes && st.st_size != f->bytes) {
		close(fd);
		return -1;
	}
	if (fd < 0 && !f->changes)
		fail(e, ERR_STORE, NULL,
		     "%s/%.*s is missing: the database names it. `antiphon check` says what else is wrong", w->from,
		     FMT(f->path));
	return fd;
}

/* Its name and length, so that whoever copies the other place can tell whether it is whole. */
static bool backup_list(struct backup_work *w, const struct copy_file *f, struct err *e)
{
	struct str path = backup_path(w, w->partial, "files-elsewhere.txt");
	if (!w->elsewhere && !(w->elsewhere = fopen(path.p, "we")))
		return fail(e, ERR_STORE, NULL, "cannot make %s: %m", path.p);
	w->b->elsewhere++;
	return fprintf(w->elsewhere, "%.*s %lld\n", FMT(f->path), (long long)f->bytes) > 0 ||
	       fail(e, errno == ENOSPC ? ERR_STORE_FULL : ERR_STORE, NULL, "cannot write %s: %m", path.p);
}

static bool backup_one(void *ctx, const struct copy_file *f, struct err *e)
{
	struct backup_work *w = ctx;
	int64_t bytes = 0;
	if (f->elsewhere)
		return backup_list(w, f, e);
	int from = backup_source(w, f, e);
	if (from < 0) {
		w->b->left++;
		return e->code == ERR_NONE;
	}
	bool ok = backup_fill(w, from, str_copy(&w->arena, f->path).p, &bytes, e);
	close(from);
	if (ok && bytes != f->bytes && !f->changes)
		return fail(e, ERR_STORE, NULL, "%s/%.*s has %lld bytes, and %lld by its row", w->from, FMT(f->path),
			    (long long)bytes, (long long)f->bytes);
	w->b->files++;
	w->b->bytes += bytes;
	if (w->b->progress)
		w->b->progress(w->b->ctx, w->b);
	return ok;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static bool backup_secret(struct backup_work *w, struct err *e)
{
	int64_t bytes;
	int fd = open(w->b->secret.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	w->b->without_key = fd < 0 && errno == ENOENT;
	if (fd < 0)
		return w->b->without_key ||
		       fail(e, ERR_STORE, NULL, "cannot read the master secret %.*s: %m", FMT(w->b->secret));
	bool ok = backup_fill(w, fd, "master.key", &bytes, e);
	close(fd);
	return ok;
}

static void backup_on_wrong(void *ctx, const char *line)
{
	struct backup_work *w = ctx;
	if (!w->wrong.code)
		fail(&w->wrong, ERR_STORE, NULL, "the copy is not sound: %s", line);
}

/* Is it there, with its size, in the copy? */
static bool backup_there(void *ctx, const struct copy_file *f, struct err *e)
{
	struct backup_work *w = ctx;
	struct arena a = {0};
	struct stat st;
	const char *path = str_fmt(&a, "%.*s/%.*s", FMT(w->partial), FMT(f->path)).p;
	bool ok = f->changes || f->elsewhere || (stat(path, &st) == 0 && st.st_size == f->bytes) ||
		  fail(e, ERR_STORE, NULL, "the copy %s is not whole", path);
	arena_free(&a);
	return ok;
}

static bool backup_check(struct backup_work *w, struct err *e)
{
	bool sound = false;
	if (!store_inspect_at(w->db, backup_on_wrong, w, &sound, e))
		return false;
	if (!sound) {
		*e = w->wrong;
		return false;
	}
	return copy_files(w->copy, backup_there, w, e);
}

static bool backup_sync(const char *path, bool all, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && (all ? syncfs(fd) : fsync(fd)) == 0;
	if (!ok)
		fail(e, ERR_STORE, NULL, "cannot bring %s to the disk: %m", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool backup_finish(struct backup_work *w, struct err *e)
{
	struct str to = w->b->to, above = to;
	while (above.n && above.p[above.n - 1] != '/')
		above.n--;
	const char *parent = above.n ? str_copy(&w->arena, above).p : ".";
	if (!backup_sync(w->partial.p, true, e))
		return false;
	if (renameat2(AT_FDCWD, w->partial.p, AT_FDCWD, str_copy(&w->arena, to).p, RENAME_NOREPLACE))
		return fail(e, ERR_STORE, NULL, "cannot give the copy its name %.*s: %m", FMT(to));
	return backup_sync(parent, false, e);
}

static bool backup_copy(struct backup_work *w, struct err *e)
{
	struct store_options from = {.dir = w->b->dir, .url = w->b->url}, to = {.dir = w->partial};
	if (mkdir(backup_path(w, w->partial, "files").p, 0700))
		return fail(e, ERR_STORE, NULL, "cannot make a folder in %s: %m", w->partial.p);
	if (!copy_database(&from, w->db, e) || !store_beside(&to, &w->copy, e))
		return false;
	bool ok = copy_files(w->copy, backup_one, w, e);
	if (w->elsewhere && fclose(w->elsewhere) && ok)
		ok = fail(e, ERR_STORE, NULL, "cannot write the list of files that lie elsewhere: %m");
	ok = ok && backup_secret(w, e) && backup_check(w, e);
	store_beside_close(w->copy);
	return ok && backup_finish(w, e);
}

/* The copy in the making: locked, and empty. */
static bool backup_begin(struct backup_work *w, int *lock, struct err *e)
{
	static const char *const names[] = {"antiphon.db", "antiphon.db-journal", "antiphon.db-wal", "antiphon.db-shm",
					    "master.key", "files-elsewhere.txt"};
	if (access(str_copy(&w->arena, w->b->to).p, F_OK) == 0)
		return fail(e, ERR_CONFIG, NULL, "%.*s is there already: give the backup a name of its own",
			    FMT(w->b->to));
	if (!folder_take(w->partial.p, lock, e))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(backup_path(w, w->partial, names[i]).p);
	return share_erase(backup_path(w, w->partial, "files").p, e) &&
	       share_erase(backup_path(w, w->partial, "boxes").p, e);
}

bool backup_make(struct backup *b, struct err *e)
{
	struct backup_work w = {.b = b};
	int lock = -1, hold = -1;
	while (b->to.n > 1 && b->to.p[b->to.n - 1] == '/')
		b->to.n--;
	w.partial = str_fmt(&w.arena, "%.*s.partial", FMT(b->to));
	w.from = str_copy(&w.arena, b->dir).p;
	w.db = backup_path(&w, w.partial, "antiphon.db").p;
	bool ok = (hold = hold_begin(w.from, e)) >= 0 && backup_begin(&w, &lock, e) && backup_copy(&w, e);
	hold_end(hold);
	if (lock >= 0)
		folder_release(lock);
	arena_free(&w.arena);
	return ok;
}
