/* place_folder.c - blobs as files of a folder. */
#include "store/place_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

struct place_folder {
	struct place place;
	int dir;
};
struct folder_out {
	struct place_out out;
	int fd;
};
struct folder_in {
	struct place_in in;
	int fd;
};

static bool place_folder_broken(struct err *e, const char *what)
{
	bool full = errno == ENOSPC || errno == EDQUOT;
	return fail(e, full ? ERR_STORE_FULL : ERR_STORE, NULL, "A file could not be %s: %m.", what);
}

/* --- names ------------------------------------------------------------------------------------------------------- */

void place_folder_name(char out[BLOB_NAME], int64_t key)
{
	snprintf(out, BLOB_NAME, "%016llx", (unsigned long long)key);
}

static void place_folder_new_name(char out[BLOB_NAME], int64_t key)
{
	snprintf(out, BLOB_NAME, "new-%016llx", (unsigned long long)key);
}

/* The key in a blob's name; 0: one half written. */
static bool place_folder_key(const char *name, int64_t *ret)
{
	char again[BLOB_NAME];
	unsigned long long key = 0;
	int end = 0;
	*ret = 0;
	if (sscanf(name, "new-%16llx%n", &key, &end) == 1 && !name[end])
		return true;
	if (sscanf(name, "%16llx%n", &key, &end) != 1 || name[end])
		return false;
	*ret = (int64_t)key;
	place_folder_name(again, *ret);
	return str_eq(str_of(again), str_of(name));
}

int place_folder_dir(const struct place *p)
{
	return OWNER(p, struct place_folder, place)->dir;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static struct place_out *place_folder_begin(struct place *p, int64_t key, struct err *e)
{
	char name[BLOB_NAME];
	place_folder_new_name(name, key);
	int fd = openat(place_folder_dir(p), name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		place_folder_broken(e, "made");
		return NULL;
	}
	struct folder_out *o = xalloc(sizeof *o);
	*o = (struct folder_out){.out = {p, key}, .fd = fd};
	return &o->out;
}

static bool place_folder_write(struct place_out *out, struct str bytes, struct err *e)
{
	int fd = OWNER(out, struct folder_out, out)->fd;
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return place_folder_broken(e, "written");
		bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
	}
	return true;
}

static bool place_folder_keep(struct place_out *out, struct err *e)
{
	struct folder_out *o = OWNER(out, struct folder_out, out);
	char was[BLOB_NAME], name[BLOB_NAME];
	place_folder_new_name(was, out->key);
	place_folder_name(name, out->key);
	int dir = place_folder_dir(out->place);
	bool ok = fsync(o->fd) == 0 && renameat(dir, was, dir, name) == 0 && fsync(dir) == 0;
	if (!ok)
		place_folder_broken(e, "kept");
	close(o->fd);
	if (!ok) { /* under whichever name */
		unlinkat(dir, was, 0);
		unlinkat(dir, name, 0);
	}
	xfree(o);
	return ok;
}

static void place_folder_abandon(struct place_out *out)
{
	struct folder_out *o = OWNER(out, struct folder_out, out);
	close(o->fd);
	xfree(o);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static struct place_in *place_folder_open(struct place *p, int64_t key, struct err *e)
{
	char name[BLOB_NAME];
	struct stat st;
	place_folder_name(name, key);
	int fd = openat(place_folder_dir(p), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		fail(e, ERR_NOT_FOUND, NULL, "The file's bytes are gone.");
	else if (fd < 0 || fstat(fd, &st))
		place_folder_broken(e, "opened");
	if (e->code) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	struct folder_in *in = xalloc(sizeof *in);
	*in = (struct folder_in){.in = {p, st.st_size}, .fd = fd};
	return &in->in;
}

static int place_folder_descriptor(const struct place_in *in)
{
	return OWNER(in, struct folder_in, in)->fd;
}

static ssize_t place_folder_read(struct place_in *in, int64_t at, char *to, size_t n, struct err *e)
{
	ssize_t got;
	do
		got = pread(place_folder_descriptor(in), to, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		place_folder_broken(e, "read");
	return got;
}

static void place_folder_close(struct place_in *in)
{
	struct folder_in *f = OWNER(in, struct folder_in, in);
	close(f->fd);
	xfree(f);
}

/* --- what is there ----------------------------------------------------------------------------------------------- */

static bool place_folder_unlink(struct place *p, const char *name, struct err *e)
{
	return unlinkat(place_folder_dir(p), name, 0) == 0 || errno == ENOENT || place_folder_broken(e, "removed");
}

static bool place_folder_remove(struct place *p, int64_t key, struct err *e)
{
	char name[BLOB_NAME];
	place_folder_new_name(name, key);
	if (!place_folder_unlink(p, name, e))
		return false;
	place_folder_name(name, key);
	return place_folder_unlink(p, name, e);
}

static bool place_folder_list(struct place *p, bool (*each)(void *ctx, const struct place_found *f, struct err *e),
			      void *ctx, struct err *e)
{
	int fd = openat(place_folder_dir(p), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *at;
	bool ok = dir || place_folder_broken(e, "looked for");
	while (ok && (at = readdir(dir))) {
		struct place_found f = {.name = at->d_name};
		struct stat st;
		if (!place_folder_key(at->d_name, &f.key) || fstatat(fd, at->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		f.at = st.st_mtime;
		ok = each(ctx, &f, e);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return ok;
}

/* --- whose it is ------------------------------------------------------------------------------------------------- */

/* Made under another name and linked, so that one of two that come at once has made it. */
static bool place_folder_mark(int dir, struct str owner, struct err *e)
{
	char name[BLOB_NAME];
	snprintf(name, sizeof name, "owner-%d", (int)getpid());
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, owner.p, owner.n) == (ssize_t)owner.n && fsync(fd) == 0 &&
		  (linkat(dir, name, dir, "owner", 0) == 0 || errno == EEXIST) && fsync(dir) == 0;
	if (!ok)
		fail(e, ERR_CONFIG, NULL, "blobs.dir: nothing can be written there: %m");
	if (fd >= 0)
		close(fd);
	unlinkat(dir, name, 0);
	return ok;
}

static bool place_folder_claim(struct place *p, struct str owner, struct err *e)
{
	char text[256];
	int dir = place_folder_dir(p), fd = -1;
	for (int nth = 0; nth < 2 && fd < 0; nth++) {
		fd = openat(dir, "owner", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && (errno != ENOENT || !place_folder_mark(dir, owner, e)))
			return fail(e, ERR_CONFIG, NULL, "blobs.dir: it cannot be read: %m");
	}
	ssize_t n = read(fd, text, sizeof text);
	close(fd);
	return (n >= 0 && str_eq((struct str){text, (size_t)n}, owner)) ||
	       fail(e, ERR_CONFIG, NULL, "blobs.dir: what lies there is another store's: name another folder");
}

static void place_folder_free(struct place *p)
{
	struct place_folder *f = OWNER(p, struct place_folder, place);
	close(f->dir);
	xfree(f);
}

/* What it does, whether or not others have it, too. */
#define PLACE_FOLDER                                                                                                   \
	.begin = place_folder_begin, .write = place_folder_write, .keep = place_folder_keep,                           \
	.abandon = place_folder_abandon, .open = place_folder_open, .read = place_folder_read,                         \
	.descriptor = place_folder_descriptor, .close = place_folder_close, .remove = place_folder_remove,             \
	.remove_named = place_folder_unlink, .list = place_folder_list, .free = place_folder_free

struct place *place_folder_new(int fd, bool shared)
{
	static const struct place_kind own = {PLACE_FOLDER},
				       common = {PLACE_FOLDER, .shared = true, .claim = place_folder_claim};
	struct place_folder *f = xalloc(sizeof *f);
	*f = (struct place_folder){.place = {shared ? &common : &own}, .dir = fd};
	return &f->place;
}
