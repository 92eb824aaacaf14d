/* backup_tar.c - a copy of the data folder as one tar file. */
#include "backup/backup_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "session/share.h"

enum { TAR_PIECE = 1 << 20, TAR_DEPTH = 64 };
static const char tar_root[] = "antiphon"; /* what stands in front of each name */

struct tar_work {
	struct archive *archive;
	struct archive_entry *entry;
	char *piece;
};

static bool tar_wrong(const struct tar_work *w, struct err *e)
{
	const char *why = archive_error_string(w->archive);
	return fail(e, archive_errno(w->archive) == ENOSPC ? ERR_STORE_FULL : ERR_STORE, NULL,
		    "cannot write the tar file: %s", why ? why : "unknown");
}

/* The head of one; `name` is "" for the folder itself, or begins with a slash. */
static bool tar_head(struct tar_work *w, const char *name, const struct stat *st, struct err *e)
{
	struct arena a = {0};
	archive_entry_clear(w->entry);
	archive_entry_copy_stat(w->entry, st);
	archive_entry_set_pathname(w->entry, str_fmt(&a, "%s%s", tar_root, name).p);
	bool ok = archive_write_header(w->archive, w->entry) == ARCHIVE_OK || tar_wrong(w, e);
	arena_free(&a);
	return ok;
}

static bool tar_bytes(struct tar_work *w, int fd, int64_t size, struct err *e)
{
	while (size > 0) {
		ssize_t n = read(fd, w->piece, size < TAR_PIECE ? (size_t)size : TAR_PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(e, ERR_STORE, NULL, "the copy cannot be read: %s",
				    n ? strerror(errno) : "a file is too short");
		if (archive_write_data(w->archive, w->piece, (size_t)n) != n)
			return tar_wrong(w, e);
		size -= n;
	}
	return true;
}

/* Links and the like do not stand in a copy (backup.c). */
static bool tar_one(struct tar_work *w, int dir, const char *base, const char *name, unsigned depth, struct err *e);

static bool tar_folder(struct tar_work *w, int fd, const char *name, unsigned depth, struct err *e)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own >= 0 && depth < TAR_DEPTH ? fdopendir(own) : NULL;
	bool ok = dir || fail(e, ERR_STORE, NULL, "the copy's folder %s cannot be read: %m", name);
	for (struct dirent *at; ok && (at = readdir(dir));) {
		bool lock = !*name && !strcmp(at->d_name, "antiphon.lock");
		if (strcmp(at->d_name, ".") && strcmp(at->d_name, "..") && !lock)
			ok = tar_one(w, fd, name, at->d_name, depth + 1, e);
	}
	if (dir)
		closedir(dir);
	else if (own >= 0)
		close(own);
	return ok;
}

static bool tar_one(struct tar_work *w, int dir, const char *base, const char *name, unsigned depth, struct err *e)
{
	struct arena a = {0};
	const char *path = *name == '.' && !name[1] ? "" : str_fmt(&a, "%s/%s", base, name).p;
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok =
	    (fd >= 0 && fstat(fd, &st) == 0) || fail(e, ERR_STORE, NULL, "the copy's %s cannot be read: %m", path);
	if (ok && S_ISDIR(st.st_mode))
		ok = tar_head(w, path, &st, e) && tar_folder(w, fd, path, depth, e);
	else if (ok && S_ISREG(st.st_mode))
		ok = tar_head(w, path, &st, e) && tar_bytes(w, fd, st.st_size, e);
	if (fd >= 0)
		close(fd);
	arena_free(&a);
	return ok;
}

static bool tar_write(const char *folder, int out, struct err *e)
{
	struct tar_work w = {
	    .archive = archive_write_new(), .entry = archive_entry_new(), .piece = xrealloc(NULL, TAR_PIECE)};
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = dir >= 0 || fail(e, ERR_STORE, NULL, "the copy %s cannot be read: %m", folder);
	ok = ok && ((archive_write_set_format_pax_restricted(w.archive) == ARCHIVE_OK &&
		     archive_write_open_fd(w.archive, out) == ARCHIVE_OK) ||
		    tar_wrong(&w, e));
	ok = ok && tar_one(&w, dir, "", ".", 0, e);
	ok = ok && (archive_write_close(w.archive) == ARCHIVE_OK || tar_wrong(&w, e));
	archive_entry_free(w.entry);
	archive_write_free(w.archive);
	if (dir >= 0)
		close(dir);
	xfree(w.piece);
	return ok;
}

bool backup_tar_wanted(struct str to)
{
	return str_eq(to, S("-")) || (to.n > 4 && !memcmp(to.p + to.n - 4, ".tar", 4));
}

/* Into TO.part, and to its name when it is on the disk. */
static bool tar_file(struct arena *a, const char *folder, struct str to, struct err *e)
{
	const char *name = str_copy(a, to).p, *part = str_fmt(a, "%s.part", name).p;
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(e, ERR_STORE, NULL, "cannot make %s: %m", part);
	bool ok = tar_write(folder, fd, e) &&
		  ((fsync(fd) == 0 && renameat2(AT_FDCWD, part, AT_FDCWD, name, RENAME_NOREPLACE) == 0) ||
		   fail(e, ERR_STORE, NULL, "cannot bring %s to the disk: %m", name));
	close(fd);
	if (!ok)
		unlink(part);
	return ok;
}

bool backup_tar_make(struct backup *b, int out, struct err *e)
{
	struct arena a = {0};
	struct str to = b->to;
	bool stream = str_eq(to, S("-"));
	const char *folder = stream ? str_fmt(&a, "%.*s/backup", FMT(b->dir)).p : str_fmt(&a, "%.*s.folder", FMT(to)).p;
	bool ok = stream || access(str_copy(&a, to).p, F_OK) ||
		  fail(e, ERR_CONFIG, NULL, "%.*s is there already: give the backup a name of its own", FMT(to));
	ok = ok && share_erase(folder, e); /* of one that was cut off */
	if (ok) {
		struct err gone = {0};
		b->to = str_of(folder);
		ok = backup_make(b, e);
		ok = ok && (stream ? tar_write(folder, out, e) : tar_file(&a, folder, to, e));
		share_erase(folder, &gone);
		b->to = to;
	}
	arena_free(&a);
	return ok;
}
