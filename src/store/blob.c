/* blob.c - the bytes of files. */
#include "store/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "store/blob_seal.h"
#include "store/blobs.h"
#include "store/blobs_list.h"
#include "store/node.h"
#include "store/core.h"
#include "store/seal_bytes.h"
#include "store/sweep.h"

enum { COPY = 1 << 20, BLOB_PIECE = 65536 };

static bool blob_broken(struct err *e, const char *what)
{
	bool full = errno == ENOSPC || errno == EDQUOT;
	return fail(e, full ? ERR_STORE_FULL : ERR_STORE, NULL, "A file could not be %s: %m.", what);
}

/* --- writing --------------------------------------------------------------------------------------------- */

bool blob_begin(struct store *s, struct blob *b, int64_t key, struct err *e)
{
	char name[BLOB_NAME];
	blobs_new_name(name, key);
	*b = (struct blob){.store = s, .key = key};
	b->fd = openat(blobs_dir(s->node->blobs), name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (b->fd >= 0 && s->sealer && s->sealer->encrypts)
		b->seal = blob_seal_new(s, key);
	return b->fd >= 0 || blob_broken(e, "made");
}

bool blob_write(struct blob *b, struct str bytes, struct err *e)
{
	if (b->seal) {
		b->bytes += (int64_t)bytes.n;
		return blob_seal_write(b->seal, b->fd, bytes) || blob_broken(e, "written");
	}
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

/* A file that only looks sealed is sealed whatever the setting is, so that it is never taken for one. */
static bool blob_disguised(struct blob *b)
{
	if (b->seal || !b->store->sealer || !blob_seal_key(b->fd))
		return true;
	char *piece = xrealloc(NULL, COPY);
	int from = fcntl(b->fd, F_DUPFD_CLOEXEC, 0), dir = blobs_dir(b->store->node->blobs);
	char name[BLOB_NAME];
	blobs_new_name(name, b->key);
	bool ok = from >= 0 && lseek(from, 0, SEEK_SET) == 0 && unlinkat(dir, name, 0) == 0;
	close(b->fd);
	b->fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	b->seal = blob_seal_new(b->store, b->key);
	for (ssize_t n = 1; ok && b->fd >= 0 && n > 0;) {
		n = read(from, piece, COPY);
		ok = n >= 0 && blob_seal_write(b->seal, b->fd, (struct str){piece, (size_t)n});
	}
	if (from >= 0)
		close(from);
	xfree(piece);
	return ok && b->fd >= 0;
}

/* `first`: none has its name yet, so nothing is left of one that fails. */
static bool blob_settle(struct blob *b, bool first, struct err *e)
{
	char was[BLOB_NAME], name[BLOB_NAME];
	blobs_new_name(was, b->key);
	blobs_name(name, b->key);
	int dir = blobs_dir(b->store->node->blobs);
	bool ok = blob_disguised(b) && (!b->seal || blob_seal_end(b->seal, b->fd)) && fsync(b->fd) == 0 &&
		  renameat(dir, was, dir, name) == 0 && fsync(dir) == 0;
	if (!ok)
		blob_broken(e, "kept");
	blob_seal_free(b->seal);
	close(b->fd);
	if (!ok)
		unlinkat(dir, was, 0);
	if (!ok && first) /* under whichever name */
		unlinkat(dir, name, 0);
	return ok;
}

bool blob_keep(struct blob *b, struct err *e)
{
	return blob_settle(b, true, e);
}

void blob_abandon(struct blob *b)
{
	blob_seal_free(b->seal);
	close(b->fd);
	blob_drop(b->store, b->key);
}

/* --- reading --------------------------------------------------------------------------------------------- */

static int blob_open_raw(struct store *s, int64_t key, struct err *e)
{
	char name[BLOB_NAME];
	blobs_name(name, key);
	int fd = openat(blobs_dir(s->node->blobs), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		fail(e, ERR_NOT_FOUND, NULL, "The file's bytes are gone.");
	else if (fd < 0)
		blob_broken(e, "opened");
	return fd;
}

int blob_open(struct store *s, int64_t key, struct err *e)
{
	int fd = blob_open_raw(s, key, e);
	if (fd < 0 || !blob_seal_key(fd))
		return fd;
	int plain = blob_seal_open(s, key, fd, e);
	close(fd);
	return plain;
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

void blob_drop(struct store *s, int64_t key)
{
	blobs_add_dead(s->node->blobs, key);
	sweeper_wake(s);
}

void blob_doubt(struct store *s, int64_t key)
{
	blobs_add_doubtful(s->node->blobs, key);
}

/* --- sealing anew ---------------------------------------------------------------------------------------- */

static bool blob_rewrite(struct store *s, int64_t key, struct err *e)
{
	struct blob b;
	char name[BLOB_NAME];
	blobs_new_name(name, key);
	int from = blob_open(s, key, e);
	if (from < 0)
		return false;
	unlinkat(blobs_dir(s->node->blobs), name, 0); /* of a try that failed */
	bool begun = blob_begin(s, &b, key, e), ok = begun && blob_copy_from(&b, from, &(struct blob_copy){0}, e);
	close(from);
	if (ok)
		return blob_settle(&b, false, e);
	if (begun) { /* its bytes stay, so it is not abandoned */
		blob_seal_free(b.seal);
		close(b.fd);
		unlinkat(blobs_dir(s->node->blobs), name, 0);
	}
	return false;
}

bool blob_reseal(struct store *s, int64_t key, uint32_t target, bool *did, struct err *e)
{
	struct err gone = {0};
	*did = false;
	blobs_rewrite(s->node->blobs, key);
	int fd = blob_open_raw(s, key, &gone);
	uint32_t is = fd < 0 ? target : blob_seal_key(fd);
	if (fd >= 0)
		close(fd);
	bool ok = is == target || blob_rewrite(s, key, e);
	*did = ok && is != target;
	blobs_rewrite(s->node->blobs, 0);
	if (blobs_dead(s->node->blobs)) /* that one, perhaps */
		sweeper_wake(s);
	return ok;
}
