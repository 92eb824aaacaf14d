/* blob.c - the bytes of files. */
#include "store/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/hold.h"
#include "store/node.h"
#include "store/core.h"
#include "store/sweep.h"

enum { NAME = BLOB_NAME, COPY = 1 << 20, BLOB_PIECE = 65536 };

struct blobs {
	int dir;
	pthread_mutex_t lock; /* over what follows */
	struct blob_list {
		int64_t *keys;
		size_t n, cap;
	} dead, doubtful; /* to be removed by the sweeper; the doubtful unless a row knows them */
};

static void blob_name_of(char out[NAME], const char *prefix, int64_t key)
{
	snprintf(out, NAME, "%s%016llx", prefix, (unsigned long long)key);
}

void blob_name(char out[BLOB_NAME], int64_t key)
{
	blob_name_of(out, "", key);
}

static bool blob_broken(struct err *e, const char *what)
{
	bool full = errno == ENOSPC || errno == EDQUOT;
	return fail(e, full ? ERR_STORE_FULL : ERR_STORE, NULL, "A file could not be %s: %m.", what);
}

/* --- writing --------------------------------------------------------------------------------------------- */

bool blob_begin(struct store *s, struct blob *b, int64_t key, struct err *e)
{
	char name[NAME];
	blob_name_of(name, "new-", key);
	*b = (struct blob){.store = s, .key = key};
	b->fd = openat(s->node->blobs->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return b->fd >= 0 || blob_broken(e, "made");
}

bool blob_write(struct blob *b, struct str bytes, struct err *e)
{
	while (bytes.n) {
		ssize_t n = write(b->fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return blob_broken(e, "written");
		b->bytes += n;
		bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
	}
	return true;
}

struct blob_copy { /* NULL, 0: nobody sees it; no bound but the disk's */
	void (*see)(void *ctx, struct str bytes);
	void *ctx;
	int64_t most;
};

static bool blob_copy_from(struct blob *b, int from, const struct blob_copy *c, struct err *e)
{
	char *piece = xrealloc(NULL, COPY);
	ssize_t n;
	bool ok = true;
	while (ok && (n = read(from, piece, COPY)) != 0) {
		struct str bytes = {piece, n > 0 ? (size_t)n : 0};
		if (n < 0)
			ok = errno == EINTR || blob_broken(e, "read");
		else if (c->most && b->bytes + n > c->most)
			ok = fail(e, ERR_TOO_LARGE, NULL, "The file has more than %lld bytes.", (long long)c->most);
		else
			ok = blob_write(b, bytes, e);
		if (ok && n > 0 && c->see)
			c->see(c->ctx, bytes);
	}
	xfree(piece);
	return ok;
}

bool blob_append(struct blob *b, int64_t key, void (*see)(void *ctx, struct str bytes), void *ctx, struct err *e)
{
	int from = blob_open(b->store, key, e);
	if (from < 0)
		return false;
	bool ok = blob_copy_from(b, from, &(struct blob_copy){.see = see, .ctx = ctx}, e);
	close(from);
	return ok;
}

bool blob_append_from(struct blob *b, int fd, int64_t most, struct err *e)
{
	return blob_copy_from(b, fd, &(struct blob_copy){.most = most}, e);
}

bool blob_keep(struct blob *b, struct err *e)
{
	char was[NAME], name[NAME];
	blob_name_of(was, "new-", b->key);
	blob_name_of(name, "", b->key);
	int dir = b->store->node->blobs->dir;
	bool ok = fsync(b->fd) == 0 && renameat(dir, was, dir, name) == 0 && fsync(dir) == 0;
	if (!ok)
		blob_broken(e, "kept");
	close(b->fd);
	if (!ok) { /* under whichever name */
		unlinkat(dir, was, 0);
		unlinkat(dir, name, 0);
	}
	return ok;
}

void blob_abandon(struct blob *b)
{
	close(b->fd);
	blob_drop(b->store, b->key);
}

/* --- reading --------------------------------------------------------------------------------------------- */

int blob_open(struct store *s, int64_t key, struct err *e)
{
	char name[NAME];
	blob_name_of(name, "", key);
	int fd = openat(s->node->blobs->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		fail(e, ERR_NOT_FOUND, NULL, "The file's bytes are gone.");
	else if (fd < 0)
		blob_broken(e, "opened");
	return fd;
}

bool blob_read(struct store *s, int64_t key, struct buf *out, struct err *e)
{
	int fd = blob_open(s, key, e);
	ssize_t n = fd < 0 ? 0 : 1;
	char *to;
	while (n > 0 && (to = buf_room(out, BLOB_PIECE))) {
		n = read(fd, to, BLOB_PIECE);
		out->n += n > 0 ? (size_t)n : 0;
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	bool ok = fd >= 0 && (n >= 0 || blob_broken(e, "read"));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* --- removing -------------------------------------------------------------------------------------------- */

static void blob_list_add(struct blobs *b, struct blob_list *l, int64_t key)
{
	pthread_mutex_lock(&b->lock);
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->keys = xrealloc(l->keys, l->cap * sizeof *l->keys);
	}
	l->keys[l->n++] = key;
	pthread_mutex_unlock(&b->lock);
}

static struct blob_list blob_list_take(struct blobs *b, struct blob_list *l)
{
	pthread_mutex_lock(&b->lock);
	struct blob_list all = *l;
	*l = (struct blob_list){0};
	pthread_mutex_unlock(&b->lock);
	return all;
}

void blob_drop(struct store *s, int64_t key)
{
	blob_list_add(s->node->blobs, &s->node->blobs->dead, key);
	sweeper_wake(s);
}

void blob_doubt(struct store *s, int64_t key)
{
	blob_list_add(s->node->blobs, &s->node->blobs->doubtful, key);
}

void blobs_bury(struct blobs *b)
{
	char name[NAME];
	int hold = hold_try(b->dir);
	if (hold < 0)
		return; /* they wait in the list; after a crash the next start finds them */
	struct blob_list dead = blob_list_take(b, &b->dead);
	for (size_t i = 0; i < dead.n; i++) {
		blob_name_of(name, "new-", dead.keys[i]);
		unlinkat(b->dir, name, 0);
		blob_name_of(name, "", dead.keys[i]);
		if (unlinkat(b->dir, name, 0) && errno != ENOENT)
			log_at(LOG_WARN, "a removed file's bytes stay", "file=%s reason=\"%m\"", name);
	}
	xfree(dead.keys);
	hold_end(hold);
}

size_t blobs_dead(struct blobs *b)
{
	pthread_mutex_lock(&b->lock);
	size_t n = b->dead.n;
	pthread_mutex_unlock(&b->lock);
	return n;
}

struct judging {
	struct store *store;
	struct blob_list list;
	bool known;
};

static bool on_judged(void *ctx, const struct cell *cells)
{
	((struct judging *)ctx)->known = true;
	return false;
}

static bool blob_judge_all(struct db_reader *r, void *ctx, struct err *e)
{
	struct judging *j = ctx;
	for (size_t i = 0; i < j->list.n; i++) {
		struct bind b = INT(j->list.keys[i]);
		j->known = false;
		if (!j->store->driver->query(r, STMT_BLOB_KNOWN, &b, 1, on_judged, j, e))
			return false;
		if (!j->known)
			blob_list_add(j->store->node->blobs, &j->store->node->blobs->dead, j->list.keys[i]);
	}
	return true;
}

void blobs_judge(struct store *s)
{
	struct blobs *b = s->node->blobs;
	struct judging j = {.store = s, .list = blob_list_take(b, &b->doubtful)};
	struct err e = {0};
	if (j.list.n && !s->driver->read(s->reader, blob_judge_all, &j, &e)) /* the next start finds them */
		log_at(LOG_WARN, "blobs could not be looked at", "n=%zu reason=\"%s\"", j.list.n, e.msg);
	xfree(j.list.keys);
}

/* --- opening --------------------------------------------------------------------------------------------- */

struct orphans {
	struct store *store;
	DIR *dir;
	bool known;
	size_t n;
};

static bool on_known(void *ctx, const struct cell *cells)
{
	((struct orphans *)ctx)->known = true;
	return false;
}

/* The key in a blob's name; 0: one half written. */
static bool key_in(const char *name, int64_t *ret)
{
	char again[NAME];
	unsigned long long key = 0;
	int end = 0;
	*ret = 0;
	if (sscanf(name, "new-%16llx%n", &key, &end) == 1 && !name[end])
		return true;
	if (sscanf(name, "%16llx%n", &key, &end) != 1 || name[end])
		return false;
	*ret = (int64_t)key;
	blob_name_of(again, "", *ret);
	return str_eq(str_of(again), str_of(name));
}

static bool find_orphans(struct db_reader *r, void *ctx, struct err *e)
{
	struct orphans *o = ctx;
	struct dirent *at;
	while ((at = readdir(o->dir))) {
		int64_t key;
		if (!key_in(at->d_name, &key))
			continue; /* not ours */
		struct bind b = INT(key);
		o->known = false;
		if (key && !o->store->driver->query(r, STMT_BLOB_KNOWN, &b, 1, on_known, o, e))
			return false;
		o->n += !o->known && unlinkat(dirfd(o->dir), at->d_name, 0) == 0;
	}
	return true;
}

static bool blobs_at(struct store *s, int fd, const char *path, struct err *e)
{
	s->node->blobs = xalloc(sizeof *s->node->blobs);
	s->node->blobs->dir = fd;
	pthread_mutex_init(&s->node->blobs->lock, NULL);
	return fd >= 0 || fail(e, ERR_CONFIG, NULL, "cannot use the folder %s: %m", path);
}

static bool blobs_path(char path[4096], const char *dir, struct err *e)
{
	return snprintf(path, 4096, "%s/files", dir) < 4096 ||
	       fail(e, ERR_CONFIG, NULL, "the name of the data folder is too long");
}

bool blobs_look(struct store *s, const char *dir, struct err *e)
{
	char path[4096];
	return blobs_path(path, dir, e) && blobs_at(s, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path, e);
}

void blobs_unlook(struct store *s)
{
	struct blobs *b = s->node->blobs;
	if (!b)
		return;
	if (b->dir >= 0)
		close(b->dir);
	pthread_mutex_destroy(&b->lock);
	xfree(b);
	s->node->blobs = NULL;
}

bool blobs_open(struct store *s, const char *dir, struct err *e)
{
	char path[4096];
	struct orphans o = {.store = s};
	if (!blobs_path(path, dir, e))
		return false;
	if (mkdir(path, 0700) && errno != EEXIST)
		return fail(e, ERR_CONFIG, NULL, "cannot make the folder for files in %s: %m", dir);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !(o.dir = fdopendir(fd))) {
		if (fd >= 0)
			close(fd);
		return fail(e, ERR_CONFIG, NULL, "cannot use the folder %s: %m", path);
	}
	int hold = hold_try(fd); /* somebody copies: what is left over goes at another start */
	bool ok = (hold < 0 || s->driver->read(s->reader, find_orphans, &o, e)) &&
		  blobs_at(s, fcntl(fd, F_DUPFD_CLOEXEC, 0), path, e);
	hold_end(hold);
	closedir(o.dir);
	if (o.n)
		log_at(LOG_INFO, "unfinished files removed", "n=%zu", o.n);
	return ok;
}

void blobs_close(struct store *s)
{
	struct blobs *b = s->node->blobs;
	if (!b)
		return;
	blobs_bury(b);
	xfree(blob_list_take(b, &b->doubtful).keys); /* the next start looks at all */
	if (b->dir >= 0)
		close(b->dir);
	pthread_mutex_destroy(&b->lock);
	xfree(b->dead.keys); /* somebody copies: they go at a next start */
	xfree(b);
	s->node->blobs = NULL;
}
