/* blob.c - the bytes of files. */
#include "store/blob.h"

#include <errno.h>
#include <unistd.h>

#include "store/blob_dead.h"
#include "store/blob_place.h"
#include "store/blobs.h"
#include "store/core.h"
#include "store/node.h"
#include "store/sweep.h"

enum { COPY = 1 << 20 };

static bool blob_broken(struct err *e, const char *what)
{
	bool full = errno == ENOSPC || errno == EDQUOT;
	return fail(e, full ? ERR_STORE_FULL : ERR_STORE, NULL, "A file could not be %s: %m.", what);
}

/* --- writing --------------------------------------------------------------------------------------------- */

static bool blob_begin_at(struct store *s, struct place *p, struct blob *b, int64_t key, struct err *e)
{
	*b = (struct blob){.store = s, .out = p->kind->begin(p, key, e), .key = key};
	return b->out != NULL;
}

bool blob_begin(struct store *s, struct blob *b, int64_t key, struct err *e)
{
	return blob_begin_at(s, blobs_place(s->node->blobs), b, key, e);
}

bool blob_begin_near(struct store *s, struct blob *b, int64_t key, struct err *e)
{
	return blob_begin_at(s, blobs_near(s->node->blobs), b, key, e);
}

bool blob_write(struct blob *b, struct str bytes, struct err *e)
{
	if (!b->out->place->kind->write(b->out, bytes, e))
		return false;
	b->bytes += (int64_t)bytes.n;
	return true;
}

bool blob_append(struct blob *b, int64_t key, void (*see)(void *ctx, struct str bytes), void *ctx, struct err *e)
{
	struct blob_in *from = blob_open(b->store, key, e);
	char *piece = from ? xrealloc(NULL, COPY) : NULL;
	ssize_t n = 0;
	bool ok = from != NULL;
	for (int64_t at = 0; ok && (n = blob_read_at(from, at, piece, COPY, e)) > 0; at += n) {
		ok = blob_write(b, (struct str){piece, (size_t)n}, e);
		if (ok && see)
			see(ctx, (struct str){piece, (size_t)n});
	}
	xfree(piece);
	blob_close(from);
	return ok && n == 0;
}

bool blob_append_from(struct blob *b, int fd, int64_t most, struct err *e)
{
	char *piece = xrealloc(NULL, COPY);
	ssize_t n;
	bool ok = true;
	while (ok && (n = read(fd, piece, COPY)) != 0) {
		if (n < 0)
			ok = errno == EINTR || blob_broken(e, "read");
		else if (b->bytes + n > most)
			ok = fail(e, ERR_TOO_LARGE, NULL, "The file has more than %lld bytes.", (long long)most);
		else
			ok = blob_write(b, (struct str){piece, (size_t)n}, e);
	}
	xfree(piece);
	return ok;
}

bool blob_keep(struct blob *b, struct err *e)
{
	return b->out->place->kind->keep(b->out, e);
}

void blob_abandon(struct blob *b)
{
	bool near = b->out->place == blobs_near(b->store->node->blobs);
	b->out->place->kind->abandon(b->out);
	(near ? blob_drop_near : blob_drop)(b->store, b->key);
}

/* --- removing -------------------------------------------------------------------------------------------- */

void blob_drop(struct store *s, int64_t key)
{
	blob_dead_add(s->blob_dead, key);
	sweeper_wake(s);
}

void blob_drop_near(struct store *s, int64_t key)
{
	blob_dead_add_near(s->blob_dead, key);
	sweeper_wake(s);
}

void blob_doubt(struct store *s, int64_t key)
{
	blob_dead_doubt(s->blob_dead, key);
}
