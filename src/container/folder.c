/* folder.c - the folders of containers. */
#include "container/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "container/folder_tree.h"
#include "sandbox/policy.h"

enum { NAME = 64, PIECE = 1 << 20 };

struct folders {
	struct str path;
	struct arena arena;
	int dir;
	_Atomic uint64_t fresh; /* for names that nobody has had */
};

static bool folder_broken(struct err *e, const char *what)
{
	bool full = errno == ENOSPC || errno == EDQUOT;
	return fail(e, full ? ERR_STORE_FULL : ERR_STORE, NULL, "A file of a container could not be %s: %m.", what);
}

static void folder_key(char out[NAME], int64_t key)
{
	snprintf(out, NAME, "%016llx", (unsigned long long)key);
}

static void folder_fresh(struct folders *f, char out[NAME], const char *prefix)
{
	snprintf(out, NAME, "%s%llu", prefix, (unsigned long long)atomic_fetch_add(&f->fresh, 1));
}

/* Who is root lets its boxes run as another user, who must own what it works on. */
static void folder_give(int fd)
{
	uid_t uid = (uid_t)sandbox_limits.uid;
	if (geteuid() == 0 && fchown(fd, uid, uid))
		log_at(LOG_WARN, "a container's file cannot be given to the user of the boxes", "reason=\"%m\"");
}

/* --- the folders -------------------------------------------------------------------------------------------------- */

bool folders_new(struct str dir, struct folders **ret, struct err *e)
{
	struct folders *f = xalloc(sizeof *f);
	f->path = str_fmt(&f->arena, "%.*s/boxes", FMT(dir));
	if (mkdir(f->path.p, 0700) && errno != EEXIST)
		fail(e, ERR_CONFIG, NULL, "cannot make the folder for containers in %.*s: %m", FMT(dir));
	f->dir = open(f->path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (f->dir < 0) {
		fail(e, ERR_CONFIG, NULL, "cannot use the folder %s: %m", f->path.p);
		folders_free(f);
		return false;
	}
	*ret = f;
	return true;
}

void folders_free(struct folders *f)
{
	if (!f)
		return;
	if (f->dir >= 0)
		close(f->dir);
	arena_free(&f->arena);
	xfree(f);
}

/* What the folder holds beside the folders of containers is half written, or half removed. */
static bool folder_orphan(const char *name, bool (*known)(void *, int64_t, bool *, struct err *), void *ctx, bool *ret,
			  struct err *e)
{
	unsigned long long key = 0;
	int end = 0;
	char again[NAME];
	bool kept = false;
	*ret = true;
	if (sscanf(name, "%16llx%n", &key, &end) != 1 || name[end])
		return true;
	folder_key(again, (int64_t)key);
	if (!str_eq(str_of(again), str_of(name)))
		return true;
	if (!known(ctx, (int64_t)key, &kept, e))
		return false;
	*ret = !kept;
	return true;
}

bool folders_sweep(struct folders *f, bool (*known)(void *ctx, int64_t key, bool *ret, struct err *e), void *ctx,
		   struct err *e)
{
	int fd = fcntl(f->dir, F_DUPFD_CLOEXEC, 0);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *at;
	size_t n = 0;
	if (!d)
		return fail(e, ERR_CONFIG, NULL, "cannot read the folder %s: %m", f->path.p);
	while ((at = readdir(d))) {
		bool orphan;
		if (at->d_name[0] == '.')
			continue;
		if (!folder_orphan(at->d_name, known, ctx, &orphan, e)) {
			closedir(d);
			return false;
		}
		if (orphan) {
			tree_remove(f->dir, at->d_name);
			n++;
		}
	}
	closedir(d);
	if (n)
		log_at(LOG_INFO, "folders of containers that are gone were removed", "n=%zu", n);
	return true;
}

struct str folder_path(const struct folders *f, struct arena *a, int64_t key)
{
	char name[NAME];
	folder_key(name, key);
	return str_fmt(a, "%.*s/%s", FMT(f->path), name);
}

static int folder_dir(const struct folders *f, int64_t key)
{
	char name[NAME];
	folder_key(name, key);
	return openat(f->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

bool folder_ready(struct folders *f, int64_t key, struct err *e)
{
	char name[NAME];
	folder_key(name, key);
	if (mkdirat(f->dir, name, 0700))
		return errno == EEXIST || folder_broken(e, "given a folder");
	int fd = folder_dir(f, key);
	if (fd < 0)
		return folder_broken(e, "given a folder");
	folder_give(fd);
	close(fd);
	return fsync(f->dir) == 0 || folder_broken(e, "kept");
}

void folder_remove(struct folders *f, int64_t key)
{
	char name[NAME], dead[NAME];
	folder_key(name, key);
	folder_fresh(f, dead, "dead-");
	if (renameat(f->dir, name, f->dir, dead) == 0)
		tree_remove(f->dir, dead);
	else if (errno != ENOENT)
		log_at(LOG_WARN, "a container's folder stays", "folder=%s reason=\"%m\"", name);
}

/* --- files ------------------------------------------------------------------------------------------------------- */

static bool folder_copy(int from, int to, struct err *e)
{
	if (ioctl(to, FICLONE, from) == 0)
		return true; /* the file system shares the bytes */
	char *piece = xrealloc(NULL, PIECE);
	bool ok = true;
	ssize_t n;
	while (ok && (n = read(from, piece, PIECE)) != 0) {
		if (n < 0) {
			ok = errno == EINTR || folder_broken(e, "read");
			continue;
		}
		for (ssize_t at = 0, w; ok && at < n; at += w) {
			w = write(to, piece + at, (size_t)(n - at));
			if (w < 0)
				ok = errno == EINTR || folder_broken(e, "written");
			w = w < 0 ? 0 : w;
		}
	}
	xfree(piece);
	return ok;
}

/* The file gets its name in the folder, and both are on the disk. */
static bool folder_join(struct folders *f, int64_t key, const char *was, struct str name, struct err *e)
{
	char z[256];
	int dir = folder_dir(f, key);
	snprintf(z, sizeof z, "%.*s", FMT(name));
	bool ok = dir >= 0 && renameat(f->dir, was, dir, z) == 0 && fsync(dir) == 0;
	if (!ok)
		folder_broken(e, "kept");
	if (dir >= 0)
		close(dir);
	return ok;
}

bool folder_put(struct folders *f, int64_t key, struct str name, int from, int64_t *seen_ns, struct err *e)
{
	char was[NAME];
	struct stat st;
	folder_fresh(f, was, "new-");
	if (!folder_ready(f, key, e))
		return false;
	int fd = openat(f->dir, was, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return folder_broken(e, "made");
	folder_give(fd);
	bool ok = folder_copy(from, fd, e) &&
		  ((fsync(fd) == 0 && fstat(fd, &st) == 0) || folder_broken(e, "kept")) &&
		  folder_join(f, key, was, name, e);
	close(fd);
	if (ok)
		*seen_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	else
		unlinkat(f->dir, was, 0);
	return ok;
}

static int folder_beneath(int dir, struct str path, uint64_t flags)
{
	char z[FOLDER_PATH + 1];
	struct open_how how = {.flags = flags,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	snprintf(z, sizeof z, "%.*s", FMT(path));
	return (int)syscall(SYS_openat2, dir, z, &how, sizeof how);
}

int folder_open(const struct folders *f, int64_t key, struct str path, int64_t *bytes, struct err *e)
{
	struct stat st;
	int dir = folder_path_fits(path) ? folder_dir(f, key) : -1, fd = -1;
	if (dir >= 0) {
		fd = folder_beneath(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		close(dir);
	}
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		fail(e, ERR_NOT_FOUND, NULL, "The file is no longer in the container.");
	else if (bytes)
		*bytes = st.st_size;
	return fd;
}

bool folder_unlink(const struct folders *f, int64_t key, struct str path, struct err *e)
{
	struct str name = path, parent = {path.p, 0};
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '/') {
			parent.n = i;
			name = (struct str){path.p + i + 1, path.n - i - 1};
		}
	char z[256];
	int dir = folder_path_fits(path) ? folder_dir(f, key) : -1, at = dir;
	if (dir < 0)
		return true;
	if (parent.n) {
		at = folder_beneath(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(dir);
	}
	snprintf(z, sizeof z, "%.*s", FMT(name));
	bool ok = at < 0 || unlinkat(at, z, 0) == 0 || errno == ENOENT || errno == EISDIR || folder_broken(e, "removed");
	if (at >= 0)
		close(at);
	return ok;
}
