/* blob_in.c - blobs, read. */
#include "store/blob_in.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "store/blob_place.h"
#include "store/blobs.h"
#include "store/core.h"
#include "store/node.h"

enum { COPY = 1 << 20 };

struct blob_in {
	struct place_in *in;
};

static struct blob_in *blob_open_at(struct place *p, int64_t key, struct err *e)
{
	struct place_in *in = p->kind->open(p, key, e);
	if (!in)
		return NULL;
	struct blob_in *b = xalloc(sizeof *b);
	b->in = in;
	return b;
}

struct blob_in *blob_open(struct store *s, int64_t key, struct err *e)
{
	return blob_open_at(blobs_place(s->node->blobs), key, e);
}

struct blob_in *blob_open_near(struct store *s, int64_t key, struct err *e)
{
	return blob_open_at(blobs_near(s->node->blobs), key, e);
}

int64_t blob_bytes(const struct blob_in *b)
{
	return b->in->bytes;
}

ssize_t blob_read_at(struct blob_in *b, int64_t at, char *to, size_t n, struct err *e)
{
	size_t have = 0;
	ssize_t got = 1;
	while (have < n && got > 0) {
		got = b->in->place->kind->read(b->in, at + (int64_t)have, to + have, n - have, e);
		have += got > 0 ? (size_t)got : 0;
	}
	return got < 0 ? -1 : (ssize_t)have;
}

void blob_close(struct blob_in *b)
{
	if (b)
		b->in->place->kind->close(b->in);
	xfree(b);
}

bool blob_read(struct store *s, int64_t key, struct buf *out, struct err *e)
{
	struct blob_in *b = blob_open(s, key, e);
	if (!b)
		return false;
	size_t size = (size_t)blob_bytes(b);
	char *to = buf_room(out, size);
	ssize_t n = to ? blob_read_at(b, 0, to, size, e) : 0;
	out->n += n > 0 ? (size_t)n : 0;
	blob_close(b);
	return n >= 0;
}

/* A file without a name, beside the database. */
static int blob_file_copy(struct store *s, struct blob_in *b, struct err *e)
{
	int fd = openat(blobs_dir(s->node->blobs), ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	char *piece = xrealloc(NULL, COPY);
	ssize_t n = fd >= 0 ? 1 : -1;
	for (int64_t at = 0; n > 0; at += n) {
		n = blob_read_at(b, at, piece, COPY, e);
		if (n > 0 && pwrite(fd, piece, (size_t)n, (off_t)at) != n)
			n = -1;
	}
	if (n < 0 && !e->code)
		fail(e, errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_STORE, NULL,
		     "A file could not be copied: %m.");
	if (n < 0 && fd >= 0)
		close(fd);
	xfree(piece);
	return n < 0 ? -1 : fd;
}

int blob_file(struct store *s, int64_t key, struct err *e)
{
	struct blob_in *b = blob_open(s, key, e);
	int fd = b ? b->in->place->kind->descriptor(b->in) : -1;
	if (fd >= 0 && (fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
		fail(e, ERR_STORE, NULL, "A file could not be opened: %m.");
	else if (b && fd < 0)
		fd = blob_file_copy(s, b, e);
	blob_close(b);
	return fd;
}
