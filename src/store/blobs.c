/* blobs.c - the folder of blobs: names, what is removed, what no row knows. */
#include "store/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/blobs_list.h"
#include "store/core.h"
#include "store/hold.h"
#include "store/node.h"
#include "store/sealed.h"

struct blobs {
	int dir;
	pthread_mutex_t burying; /* over `rewriting`, and while one is removed */
	int64_t rewriting;       /* that one waits; 0: none */
	pthread_mutex_t lock;    /* over what follows */
	struct blob_list {
		int64_t *keys;
		size_t n, cap;
	} dead, doubtful; /* to be removed by the sweeper; the doubtful unless a row knows them */
};

int blobs_dir(const struct blobs *b)
{
	return b->dir;
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

void blobs_add_dead(struct blobs *b, int64_t key)
{
	blob_list_add(b, &b->dead, key);
}

void blobs_add_doubtful(struct blobs *b, int64_t key)
{
	blob_list_add(b, &b->doubtful, key);
}

/* false: it is being written anew. */
static bool blobs_unlink(struct blobs *b, int64_t key)
{
	char name[BLOB_NAME];
	pthread_mutex_lock(&b->burying);
	bool free = b->rewriting != key;
	blobs_new_name(name, key);
	if (free)
		unlinkat(b->dir, name, 0);
	blobs_name(name, key);
	if (free && unlinkat(b->dir, name, 0) && errno != ENOENT)
		log_at(LOG_WARN, "a removed file's bytes stay", "file=%s reason=\"%m\"", name);
	pthread_mutex_unlock(&b->burying);
	return free;
}

void blobs_rewrite(struct blobs *b, int64_t key)
{
	pthread_mutex_lock(&b->burying);
	b->rewriting = key;
	pthread_mutex_unlock(&b->burying);
}

void blobs_bury(struct blobs *b)
{
	int hold = hold_try(b->dir);
	if (hold < 0)
		return; /* they wait in the list; after a crash the next start finds them */
	struct blob_list dead = blob_list_take(b, &b->dead);
	for (size_t i = 0; i < dead.n; i++)
		if (!blobs_unlink(b, dead.keys[i]))
			blob_list_add(b, &b->dead, dead.keys[i]);
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
		if (!sealed_query(j->store, r, STMT_BLOB_KNOWN, &b, 1, on_judged, j, e))
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

static bool find_orphans(struct db_reader *r, void *ctx, struct err *e)
{
	struct orphans *o = ctx;
	struct dirent *at;
	while ((at = readdir(o->dir))) {
		int64_t key;
		if (!blobs_key(at->d_name, &key))
			continue; /* not ours */
		struct bind b = INT(key);
		o->known = false;
		if (key && !sealed_query(o->store, r, STMT_BLOB_KNOWN, &b, 1, on_known, o, e))
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
	pthread_mutex_init(&s->node->blobs->burying, NULL);
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
	pthread_mutex_destroy(&b->burying);
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
	pthread_mutex_destroy(&b->burying);
	xfree(b->dead.keys); /* somebody copies: they go at a next start */
	xfree(b);
	s->node->blobs = NULL;
}
