/* folder.c - the folders of containers. */
#include "container/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "sandbox/policy.h"
#include "session/share.h"

#define SKILLS ".skills" /* behind the key: the folder of the container's skills */
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

/* A file or a folder; what stays is tried again at the next start. */
static void folder_erase(const struct folders *f, const char *name)
{
	char path[FOLDER_PATH];
	struct err e = {0};
	snprintf(path, sizeof path, "%.*s/%s", FMT(f->path), name);
	if (unlinkat(f->dir, name, 0) && !share_erase(path, &e))
		log_at(LOG_WARN, "a container's folder stays", "folder=%s reason=\"%s\"", name, e.msg);
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
	if (sscanf(name, "%16llx%n", &key, &end) != 1 || (name[end] && !str_eq(str_of(name + end), S(SKILLS))))
		return true;
	folder_key(again, (int64_t)key);
	if (!str_starts(str_of(name), str_of(again)))
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
			folder_erase(f, at->d_name);
			n++;
		}
	}
	closedir(d);
	if (n)
		log_at(LOG_INFO, "folders of containers that are gone were removed", "n=%zu", n);
	return true;
}

const char *folder_at(const struct folders *f, char out[FOLDER_PATH], int64_t key)
{
	char name[NAME];
	folder_key(name, key);
	snprintf(out, FOLDER_PATH, "%.*s/%s", FMT(f->path), name);
	return out;
}

const char *folder_skills_at(const struct folders *f, char out[FOLDER_PATH], int64_t key)
{
	char name[NAME];
	folder_key(name, key);
	snprintf(out, FOLDER_PATH, "%.*s/%s" SKILLS, FMT(f->path), name);
	return out;
}

static int folder_dir(const struct folders *f, int64_t key)
{
	char name[NAME];
	folder_key(name, key);
	return openat(f->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

bool folder_ready(struct folders *f, int64_t key, struct err *e)
{
	char folder[FOLDER_PATH];
	return share_make(folder_at(f, folder, key), e);
}

static bool folder_sync_all(const struct folders *f, struct err *e)
{
	return fsync(f->dir) == 0 || folder_broken(e, "kept");
}

bool folder_sync(struct folders *f, int64_t key, struct str path, struct str *way, struct err *e)
{
	char folder[FOLDER_PATH];
	bool first = !way->p;
	return share_sync(folder_at(f, folder, key), path, way, e) && (!first || folder_sync_all(f, e));
}

static void folder_take_away(struct folders *f, const char *name)
{
	char dead[NAME];
	folder_fresh(f, dead, "dead-");
	if (renameat(f->dir, name, f->dir, dead) == 0)
		folder_erase(f, dead);
	else if (errno != ENOENT)
		log_at(LOG_WARN, "a container's folder stays", "folder=%s reason=\"%m\"", name);
}

void folder_remove(struct folders *f, int64_t key)
{
	char name[NAME], skills[NAME + sizeof SKILLS];
	folder_key(name, key);
	snprintf(skills, sizeof skills, "%s" SKILLS, name);
	folder_take_away(f, name);
	folder_take_away(f, skills);
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
		  folder_join(f, key, was, name, e) && folder_sync_all(f, e);
	close(fd);
	if (ok)
		*seen_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	else
		unlinkat(f->dir, was, 0);
	return ok;
}

int folder_open(const struct folders *f, int64_t key, struct str path, int64_t *bytes, struct err *e)
{
	char folder[FOLDER_PATH];
	struct stat st;
	struct err why = {0};
	int fd = share_open(folder_at(f, folder, key), path, &st, &why);
	if (fd < 0)
		fail(e, why.code, NULL, "The file is no longer in the container.");
	else
		*bytes = st.st_size;
	return fd;
}

bool folder_unlink(const struct folders *f, int64_t key, struct str path, struct err *e)
{
	char folder[FOLDER_PATH];
	struct err why = {0};
	return share_remove(folder_at(f, folder, key), path, &why) || why.code == ERR_NOT_FOUND ||
	       fail(e, why.code, NULL, "%s", why.msg);
}
