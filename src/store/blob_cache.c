/* blob_cache.c - pieces of blobs that lie far away, kept near. */
#include "store/blob_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"

enum { CACHE_NAME = 40 };

struct cached {
	char name[CACHE_NAME];
	int64_t total;
	size_t bytes;
	struct cached *newer, *older;
};
struct blob_cache {
	int dir;
	int64_t most;
	pthread_mutex_t lock; /* over what follows */
	struct map all;       /* by name */
	struct cached *newest, *oldest;
	int64_t bytes;
};

static void blob_cache_name(char out[CACHE_NAME], int64_t key, int64_t number)
{
	snprintf(out, CACHE_NAME, "%016llx-%lld", (unsigned long long)key, (long long)number);
}

/* --- under the lock ---------------------------------------------------------------------------------------------- */

static void blob_cache_unlink(struct blob_cache *c, struct cached *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void blob_cache_first(struct blob_cache *c, struct cached *e)
{
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void blob_cache_forget(struct blob_cache *c, struct cached *e)
{
	blob_cache_unlink(c, e);
	map_del(&c->all, str_of(e->name));
	unlinkat(c->dir, e->name, 0);
	c->bytes -= (int64_t)e->bytes;
	xfree(e);
}

static void blob_cache_enter(struct blob_cache *c, const struct blob_piece *p, const char *name, size_t bytes)
{
	struct cached *e = map_get(&c->all, str_of(name));
	if (e) /* another reader was faster: its file has been replaced by the same bytes */
		return;
	e = xalloc(sizeof *e);
	memcpy(e->name, name, strlen(name) + 1);
	e->total = p->total;
	e->bytes = bytes;
	c->bytes += (int64_t)bytes;
	map_put(&c->all, str_of(e->name), e);
	blob_cache_first(c, e);
	while (c->bytes > c->most && c->oldest != e)
		blob_cache_forget(c, c->oldest);
}

/* --- the folder -------------------------------------------------------------------------------------------------- */

static bool blob_cache_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *at;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((at = readdir(d)))
		if (at->d_name[0] != '.')
			unlinkat(dir, at->d_name, 0);
	closedir(d);
	return true;
}

bool blob_cache_new(const char *path, int64_t most, struct blob_cache **ret, struct err *e)
{
	int dir = mkdir(path, 0700) == 0 || errno == EEXIST ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0 || !blob_cache_empty(dir)) {
		fail(e, ERR_CONFIG, NULL, "cannot use the folder %s: %m", path);
		if (dir >= 0)
			close(dir);
		return false;
	}
	struct blob_cache *c = xalloc(sizeof *c);
	c->dir = dir;
	c->most = most;
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return true;
}

void blob_cache_free(struct blob_cache *c)
{
	while (c->oldest)
		blob_cache_forget(c, c->oldest);
	map_release(&c->all);
	pthread_mutex_destroy(&c->lock);
	close(c->dir);
	xfree(c);
}

int blob_cache_get(struct blob_cache *c, struct blob_piece *p)
{
	char name[CACHE_NAME];
	int fd = -1;
	blob_cache_name(name, p->key, p->number);
	pthread_mutex_lock(&c->lock);
	struct cached *e = map_get(&c->all, str_of(name));
	if (e && (fd = openat(c->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0) {
		blob_cache_forget(c, e); /* somebody tidied up */
	} else if (e) {
		p->total = e->total;
		blob_cache_unlink(c, e);
		blob_cache_first(c, e);
	}
	pthread_mutex_unlock(&c->lock);
	return fd;
}

static bool blob_cache_fill(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
	}
	return true;
}

int blob_cache_put(struct blob_cache *c, const struct blob_piece *p, struct str bytes)
{
	static _Atomic unsigned long turn;
	char name[CACHE_NAME], new[CACHE_NAME];
	if ((int64_t)bytes.n > c->most)
		return -1;
	blob_cache_name(name, p->key, p->number);
	snprintf(new, sizeof new, "new-%lu", ++turn);
	int fd = openat(c->dir, new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (!blob_cache_fill(fd, bytes)) {
		unlinkat(c->dir, new, 0);
		close(fd);
		return -1;
	}
	pthread_mutex_lock(&c->lock);
	if (renameat(c->dir, new, c->dir, name) == 0)
		blob_cache_enter(c, p, name, bytes.n);
	pthread_mutex_unlock(&c->lock);
	return fd;
}

void blob_cache_drop(struct blob_cache *c, int64_t key)
{
	enum { FIRST = 64 };
	char name[CACHE_NAME];
	pthread_mutex_lock(&c->lock);
	for (int64_t i = 0; i < FIRST; i++) {
		blob_cache_name(name, key, i);
		struct cached *e = map_get(&c->all, str_of(name));
		if (!e)
			break;
		blob_cache_forget(c, e);
	}
	pthread_mutex_unlock(&c->lock);
}
