/* signs.c - what memory keeps of a store's docs, in a file. */
#include "index/signs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct signs {
	int fd;       /* -1: there is no file */
	size_t bytes; /* of whole records, as far as this process knows */
};

/* A record's beginning; codes, factors, firsts and counts follow. */
struct signs_head {
	uint64_t sum; /* of all that follows */
	int64_t doc, file;
	uint32_t space, dims, n_windows, n_chunks;
};

/* The arrays of a doc, as they follow one another. */
enum { PARTS = 4 };

static void signs_parts(const struct doc *d, struct iovec ret[PARTS])
{
	size_t vectors = d->dims ? d->n_windows : 0;
	ret[0] = (struct iovec){d->codes, vectors * vector_words(d->dims) * sizeof *d->codes};
	ret[1] = (struct iovec){d->factors, vectors * sizeof *d->factors};
	ret[2] = (struct iovec){d->first, d->n_chunks * sizeof *d->first};
	ret[3] = (struct iovec){d->n, d->n_chunks * sizeof *d->n};
}

static size_t signs_size(const struct iovec *parts)
{
	size_t n = 0;
	for (int i = 0; i < PARTS; i++)
		n += parts[i].iov_len;
	return n;
}

/* --- sums -------------------------------------------------------------------------------------------------------- */

/* Two sums, each fed by the other, as SQLite's log has them (its file format, "checksum algorithm"): torn and foreign
 * bytes are found out at some gigabytes a second. */
static void signs_feed(uint32_t sums[2], const void *bytes, size_t n)
{
	const char *p = bytes;
	uint32_t a = sums[0], b = sums[1], pair[2];
	for (; n >= sizeof pair; p += sizeof pair, n -= sizeof pair) {
		memcpy(pair, p, sizeof pair);
		a += pair[0] + b;
		b += pair[1] + a;
	}
	if (n) {
		pair[0] = pair[1] = 0;
		memcpy(pair, p, n);
		a += pair[0] + b;
		b += pair[1] + a;
	}
	sums[0] = a;
	sums[1] = b;
}

static struct signs_head signs_head(const struct doc *d)
{
	return (struct signs_head){.doc = d->doc,
				   .file = d->file,
				   .space = d->space,
				   .dims = d->dims,
				   .n_windows = (uint32_t)d->n_windows,
				   .n_chunks = (uint32_t)d->n_chunks};
}

uint64_t signs_sum(const struct doc *d)
{
	uint32_t sums[2] = {1, 0};
	struct iovec parts[PARTS];
	struct signs_head head = signs_head(d);
	signs_feed(sums, &head.doc, sizeof head - sizeof head.sum);
	signs_parts(d, parts);
	for (int i = 0; i < PARTS; i++)
		signs_feed(sums, parts[i].iov_base, parts[i].iov_len);
	return (uint64_t)sums[0] << 32 | sums[1];
}

/* --- the file ---------------------------------------------------------------------------------------------------- */

struct signs *signs_open(struct str path)
{
	struct signs *s = xalloc(sizeof *s);
	struct stat st;
	s->fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->fd >= 0 && fstat(s->fd, &st) == 0 && st.st_size > 0)
		s->bytes = (size_t)st.st_size;
	return s;
}

void signs_close(struct signs *s)
{
	if (s && s->fd >= 0)
		close(s->fd);
	xfree(s);
}

size_t signs_bytes(const struct signs *s)
{
	return s->bytes;
}

void signs_clear(struct signs *s)
{
	if (s->fd >= 0 && ftruncate(s->fd, 0) == 0)
		s->bytes = 0;
}

void signs_add(struct signs *s, const struct doc *d)
{
	struct iovec all[PARTS + 1];
	struct signs_head head = signs_head(d);
	head.sum = signs_sum(d);
	all[0] = (struct iovec){&head, sizeof head};
	signs_parts(d, all + 1);
	size_t n = sizeof head + signs_size(all + 1);
	if (s->fd < 0)
		return;
	if (pwritev(s->fd, all, PARTS + 1, (off_t)s->bytes) == (ssize_t)n)
		s->bytes += n;
	else if (ftruncate(s->fd, (off_t)s->bytes) != 0) { /* the disk is full: the next may fit */
		close(s->fd);
		s->fd = -1;
	}
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static struct signs_want *signs_find(struct signs_want *want, size_t n, int64_t doc)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (want[mid].doc < doc)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && want[low].doc == doc ? &want[low] : NULL;
}

/* The doc at `at`, whose head was read and fits into the file. */
static bool signs_take(struct signs *s, size_t at, const struct signs_head *head, struct doc *ret)
{
	struct iovec parts[PARTS];
	struct doc d = *ret;
	size_t vectors = d.dims ? d.n_windows : 0;
	d.codes = xalloc(vectors * vector_words(d.dims) * sizeof *d.codes + 1);
	d.factors = xalloc(vectors * sizeof *d.factors + 1);
	d.first = xalloc(d.n_chunks * sizeof *d.first + 1);
	d.n = xalloc(d.n_chunks * sizeof *d.n + 1);
	signs_parts(&d, parts);
	if (preadv(s->fd, parts, PARTS, (off_t)at) == (ssize_t)signs_size(parts) && signs_sum(&d) == head->sum) {
		*ret = d;
		return true;
	}
	doc_release(&d);
	return false;
}

void signs_read(struct signs *s, struct signs_want *want, size_t n)
{
	struct signs_head head;
	struct iovec parts[PARTS];
	if (s->fd >= 0)
		posix_fadvise(s->fd, 0, 0, POSIX_FADV_WILLNEED);
	for (size_t at = 0; s->fd >= 0 && pread(s->fd, &head, sizeof head, (off_t)at) == (ssize_t)sizeof head;) {
		struct doc d = {.doc = head.doc,
				.file = head.file,
				.space = head.space,
				.dims = head.dims,
				.n_windows = head.n_windows,
				.n_chunks = head.n_chunks};
		signs_parts(&d, parts);
		size_t size = signs_size(parts);
		at += sizeof head;
		if (head.dims > VECTOR_DIMS_MAX || at > s->bytes || size > s->bytes - at)
			return;
		struct signs_want *w = signs_find(want, n, head.doc);
		if (w && !w->got.doc && w->sum == head.sum && signs_take(s, at, &head, &d))
			w->got = d;
		at += size;
	}
}
