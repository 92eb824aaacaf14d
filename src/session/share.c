/* share.c - the folder that a box sees as /mnt/data, handled from outside. */
#include "session/share.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/policy.h"
#include "session/limits.h"

/* fchmodat2(2), Linux 6.6: on every processor the same number. */
enum { FCHMODAT2 = 452 };
enum { ERASE_DEPTH = 64, ERASE_PASSES = 100000 };

static int share_openat(int dir, const char *name, int flags, mode_t mode)
{
	int more = O_CLOEXEC | O_NOFOLLOW | (flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY); /* O_PATH takes no others */
	struct open_how how = {
	    .flags = (uint64_t)(unsigned)(flags | more),
	    .mode = mode,
	    .resolve = (uint64_t)(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)};
	return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

/* To be read. One that its owner locked is opened again: who hides files must not be able to hide them from being
 * counted. The name is looked up once, so that the mode of nothing else is changed. */
static int share_open_folder(int dir, const char *name)
{
	char door[40];
	int fd = share_openat(dir, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0 || errno != EACCES)
		return fd;
	int path = share_openat(dir, name, O_PATH | O_DIRECTORY, 0);
	if (path < 0)
		return -1;
	snprintf(door, sizeof door, "/proc/self/fd/%d", path);
	fd = syscall(FCHMODAT2, path, "", 0700, AT_EMPTY_PATH) && chmod(door, 0700)
		 ? -1
		 : openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(path);
	return fd;
}

static int share_root(const char *folder)
{
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Boxes of a root's server run as another user. */
static void share_give(int fd)
{
	if (geteuid() == 0 && fchown(fd, (uid_t)sandbox_limits.uid, (gid_t)sandbox_limits.uid))
		return; /* a file system without owners: programs inside will say so */
}

bool share_make(const char *folder, struct err *e)
{
	char path[PATH_MAX];
	size_t n = strlen(folder);
	if (!n || n >= sizeof path)
		return fail(e, ERR_STORE, NULL, "a folder for files has no usable name");
	memcpy(path, folder, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] && path[i] != '/')
			continue;
		path[i] = 0;
		if (mkdir(path, 0700) && errno != EEXIST && errno != EISDIR)
			return fail(e, ERR_STORE, NULL, "the folder for files cannot be made: %m");
		path[i] = folder[i];
	}
	int fd = share_root(folder);
	if (fd < 0)
		return fail(e, ERR_STORE, NULL, "the folder for files cannot be opened: %m");
	share_give(fd);
	close(fd);
	return true;
}

/* --- what is in it ----------------------------------------------------------------------------------------- */

struct share_walk {
	struct arena *arena;
	struct share_list *list;
	size_t room;
	dev_t dev;
	char path[PATH_MAX];
};

static void share_add(struct share_walk *w, const struct stat *st, size_t n)
{
	struct share_list *l = w->list;
	if (l->n == w->room) {
		size_t room = w->room ? 2 * w->room : 64;
		struct share_file *more = new_array(w->arena, struct share_file, room);
		if (l->n)
			memcpy(more, l->at, l->n * sizeof *more);
		l->at = more;
		w->room = room;
	}
	l->at[l->n++] = (struct share_file){.path = str_copy(w->arena, (struct str){w->path, n}),
					    .bytes = st->st_size,
					    .mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec,
					    .ino = (int64_t)st->st_ino};
	/* What it takes on the disk, too: one with holes is small there and large to whoever reads it. */
	int64_t taken = (int64_t)st->st_blocks * 512;
	l->bytes += taken > st->st_size ? taken : st->st_size;
}

/* Takes over `fd`; its path is the first n bytes of w->path. */
static void share_walk_folder(struct share_walk *w, int fd, size_t n, int64_t depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *at;
	if (!d) {
		close(fd);
		return;
	}
	while (!w->list->cut && (at = readdir(d))) {
		struct stat st;
		size_t len = strlen(at->d_name);
		if (!strcmp(at->d_name, ".") || !strcmp(at->d_name, ".."))
			continue;
		w->list->names++;
		if (w->list->names > session_limits.folder_files || n + len + 2 > sizeof w->path ||
		    w->list->bytes > session_limits.folder_bytes) {
			w->list->cut = true;
			break;
		}
		if (fstatat(fd, at->d_name, &st, AT_SYMLINK_NOFOLLOW) || st.st_dev != w->dev)
			continue;
		memcpy(w->path + n, at->d_name, len + 1);
		if (S_ISREG(st.st_mode) && st.st_nlink == 1)
			share_add(w, &st, n + len);
		if (!S_ISDIR(st.st_mode))
			continue;
		int inner = depth + 1 < session_limits.folder_depth ? share_open_folder(fd, at->d_name) : -1;
		w->path[n + len] = '/';
		if (inner >= 0)
			share_walk_folder(w, inner, n + len + 1, depth + 1);
		else if (depth + 1 >= session_limits.folder_depth)
			w->list->cut = true;
	}
	closedir(d);
}

static int share_order(const void *a, const void *b)
{
	const struct share_file *x = a, *y = b;
	size_t n = x->path.n < y->path.n ? x->path.n : y->path.n;
	int c = memcmp(x->path.p, y->path.p, n);
	return c ? c : (x->path.n > y->path.n) - (x->path.n < y->path.n);
}

bool share_list(struct arena *a, const char *folder, struct share_list *ret, struct err *e)
{
	struct stat st;
	struct share_walk w = {.arena = a, .list = ret};
	*ret = (struct share_list){0};
	int fd = share_root(folder);
	if (fd < 0 || fstat(fd, &st)) {
		fail(e, ERR_STORE, NULL, "the folder of files cannot be read: %m");
		if (fd >= 0)
			close(fd);
		return false;
	}
	w.dev = st.st_dev;
	share_walk_folder(&w, fd, 0, 0);
	if (ret->n)
		qsort(ret->at, ret->n, sizeof *ret->at, share_order);
	return true;
}

/* --- one file of it ---------------------------------------------------------------------------------------- */

/* As a name for the kernel: relative, without ".", ".." and empty parts. */
static bool share_name(struct str path, char name[PATH_MAX])
{
	struct str rest = path;
	if (!path.n || path.n >= PATH_MAX || memchr(path.p, 0, path.n) || path.p[path.n - 1] == '/')
		return false;
	while (rest.n) {
		struct str part = str_cut(&rest, '/');
		if (!part.n || part.n > NAME_MAX || str_eq(part, S(".")) || str_eq(part, S("..")))
			return false;
	}
	memcpy(name, path.p, path.n);
	name[path.n] = 0;
	return true;
}

int share_open(const char *folder, struct str path, struct stat *ret, struct err *e)
{
	char name[PATH_MAX];
	int root = share_root(folder),
	    fd = root >= 0 && share_name(path, name) ? share_openat(root, name, O_RDONLY, 0) : -1;
	if (root >= 0)
		close(root);
	if (fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode) && ret->st_nlink == 1)
		return fd;
	if (fd >= 0)
		close(fd);
	fail(e, ERR_NOT_FOUND, NULL, "there is no file of this name");
	return -1;
}

/* The folder that the last part of `name` is in, and that part in *ret. Made where it is not there. */
static int share_parent(int root, char *name, bool make, char **ret)
{
	int at = dup(root);
	char *slash;
	while (at >= 0 && (slash = strchr(name, '/'))) {
		*slash = 0;
		bool made = make && mkdirat(at, name, 0755) == 0;
		int next = share_openat(at, name, O_RDONLY | O_DIRECTORY, 0);
		if (made && next >= 0)
			share_give(next);
		close(at);
		at = next;
		name = slash + 1;
	}
	*ret = name;
	return at;
}

static int share_try_create(const char *folder, struct str path)
{
	char name[PATH_MAX], *last;
	share_name(path, name);
	int root = share_root(folder), parent = root < 0 ? -1 : share_parent(root, name, true, &last),
	    fd = parent < 0 ? -1 : share_openat(parent, last, O_WRONLY | O_CREAT | O_EXCL, 0644), why = errno;
	if (parent >= 0)
		close(parent);
	if (root >= 0)
		close(root);
	errno = why;
	return fd;
}

int share_create(const char *folder, struct str path, struct err *e)
{
	char name[PATH_MAX];
	if (!share_name(path, name)) {
		fail(e, ERR_INVALID_VALUE, NULL, "this is no name for a file");
		return -1;
	}
	int fd = share_try_create(folder, path);
	if (fd < 0 && errno == ENOENT) /* a box that waited has just taken its place (pool.c) */
		fd = share_try_create(folder, path);
	if (fd < 0)
		fail(e, errno == EEXIST || errno == ENOTDIR || errno == ELOOP ? ERR_INVALID_VALUE : ERR_STORE, NULL,
		     "the file cannot be made: %m");
	else
		share_give(fd);
	return fd;
}

static bool share_sync_way(int root, struct str way)
{
	char name[PATH_MAX], *at = name;
	bool ok = fsync(root) == 0;
	snprintf(name, sizeof name, "%.*s", FMT(way));
	int dir = dup(root);
	while (ok && *at) {
		char *end = strchrnul(at, '/'), *next = *end ? end + 1 : end;
		*end = 0;
		int inner = share_openat(dir, at, O_RDONLY | O_DIRECTORY, 0);
		ok = inner >= 0 && fsync(inner) == 0;
		close(dir);
		dir = inner;
		at = next;
	}
	if (dir >= 0)
		close(dir);
	return ok;
}

bool share_sync(const char *folder, struct str path, struct str *way, struct err *e)
{
	struct stat st;
	struct str up = path;
	int fd = share_open(folder, path, &st, e);
	if (fd < 0)
		return false;
	bool ok = fdatasync(fd) == 0;
	close(fd);
	while (up.n && up.p[up.n - 1] != '/')
		up.n--;
	up.n -= up.n > 0;
	int root = ok && !(way->p && str_eq(*way, up)) ? share_root(folder) : -1;
	if (root >= 0) {
		ok = share_sync_way(root, up);
		close(root);
	}
	*way = up;
	return ok || fail(e, ERR_STORE, NULL, "a file cannot be kept: %m");
}

bool share_remove(const char *folder, struct str path, struct err *e)
{
	char name[PATH_MAX], *last;
	int root = share_root(folder),
	    parent = root < 0 || !share_name(path, name) ? -1 : share_parent(root, name, false, &last);
	bool ok = parent >= 0 && unlinkat(parent, last, 0) == 0;
	if (parent >= 0)
		close(parent);
	if (root >= 0)
		close(root);
	return ok || fail(e, ERR_NOT_FOUND, NULL, "there is no file of this name");
}

/* --- its end ----------------------------------------------------------------------------------------------- */

/* Takes over `fd`. What lies too deep for us is moved up to the root, where a later pass finds it. */
static void share_empty(int root, int fd, int depth, unsigned *moved)
{
	DIR *d = fdopendir(fd);
	struct dirent *at;
	char name[40];
	if (!d) {
		close(fd);
		return;
	}
	while ((at = readdir(d))) {
		if (!strcmp(at->d_name, ".") || !strcmp(at->d_name, "..") || unlinkat(fd, at->d_name, 0) == 0)
			continue;
		if (depth >= ERASE_DEPTH) {
			snprintf(name, sizeof name, ".erase-%u", ++*moved);
			renameat(fd, at->d_name, root, name);
			continue;
		}
		int inner = share_open_folder(fd, at->d_name);
		if (inner >= 0)
			share_empty(root, inner, depth + 1, moved);
		unlinkat(fd, at->d_name, AT_REMOVEDIR);
	}
	closedir(d);
}

bool share_erase(const char *folder, struct err *e)
{
	unsigned moved = 0;
	int root = share_root(folder);
	if (root < 0)
		return errno == ENOENT || fail(e, ERR_STORE, NULL, "a folder of files cannot be removed: %m");
	bool gone = false;
	for (int pass = 0; !gone && pass < ERASE_PASSES; pass++) {
		unsigned before = moved;
		int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			share_empty(root, fd, 0, &moved);
		gone = rmdir(folder) == 0 || errno == ENOENT;
		if (!gone && moved == before && pass)
			break;
	}
	close(root);
	return gone || fail(e, ERR_STORE, NULL, "a folder of files cannot be removed: %m");
}
