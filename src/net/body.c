/* body.c - a request's body, inflated while it comes. */
#include "net/body.h"

#include <stdatomic.h>
#include <zlib.h>
#include <zstd.h>

#include "base/arena.h"
#include "net/server.h"

enum {
	SLICE = 16 * 1024, /* inflated at once */
	KEEP = 4096,       /* bytes that an idle connection keeps */
	ZSTD_WINDOW = 23,  /* 8 MB, what RFC 8878 asks decoders to support; more is refused */
};

struct body_coding {
	struct str name;
	void *(*open)(void);
	/* Inflates all of `in`; false: damaged or over a limit. */
	bool (*feed)(struct body *b, struct str in, struct err *e);
	void (*close)(void *state);
};

static _Atomic size_t inflight;

size_t body_inflight(void)
{
	return atomic_load(&inflight);
}

static bool body_too_large(struct err *e)
{
	return fail(e, ERR_TOO_LARGE, NULL, "The request body is larger than %lld bytes.",
		    (long long)net_limits.body_bytes);
}

static bool damaged(struct body *b, struct err *e)
{
	return fail(e, ERR_BAD_REQUEST, NULL, "The request body is not valid %.*s.", FMT(b->coding->name));
}

/* Counts n more bytes as in flight. */
static bool body_count(struct body *b, size_t n, struct err *e)
{
	size_t all = atomic_fetch_add(&inflight, n) + n;
	b->counted += n;
	if (all <= (size_t)net_limits.inflight_bytes)
		return true;
	fail(e, ERR_UNAVAILABLE, NULL, "The server holds too many request bodies at once. Please retry.");
	if (e->retry_after_ms == 0)
		e->retry_after_ms = 1000;
	return false;
}

/* Room for inflated bytes: at least one, unless the body is at its limit. */
static char *room(struct body *b, size_t *n)
{
	size_t left = b->bytes.max - b->bytes.n;
	*n = left < SLICE ? left : SLICE;
	return *n ? buf_room(&b->bytes, *n) : NULL;
}

/* --- gzip and deflate --- */

static void *open_zlib(int bits)
{
	z_stream *z = xalloc(sizeof *z);
	if (inflateInit2(z, bits) != Z_OK) {
		xfree(z);
		return NULL;
	}
	return z;
}

static void *open_gzip(void)
{
	return open_zlib(15 + 16);
}

static void *open_deflate(void)
{
	return open_zlib(15);
}

static void close_zlib(void *state)
{
	inflateEnd(state);
	xfree(state);
}

static bool feed_zlib(struct body *b, struct str in, struct err *e)
{
	z_stream *z = b->state;
	z->next_in = (Bytef *)(uintptr_t)in.p;
	z->avail_in = (uInt)in.n;
	bool full;
	do {
		if (b->ended) {
			/* RFC 1952 2.2: a file may have several members. */
			if (z->avail_in == 0)
				return true;
			if (inflateReset(z) != Z_OK)
				return damaged(b, e);
			b->ended = false;
		}
		size_t n;
		char one, *to = room(b, &n);
		z->next_out = (Bytef *)(to ? to : &one);
		z->avail_out = to ? (uInt)n : 1;
		int got = inflate(z, Z_NO_FLUSH);
		if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR)
			return damaged(b, e);
		size_t made = (to ? n : 1) - z->avail_out;
		if (!to && made)
			return body_too_large(e);
		b->bytes.n += made;
		if (!body_count(b, made, e))
			return false;
		b->ended = got == Z_STREAM_END;
		full = z->avail_out == 0;
	} while (full || z->avail_in);
	return true;
}

/* --- zstd --- */

static void *open_zstd(void)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	if (d)
		ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, ZSTD_WINDOW);
	return d;
}

static void close_zstd(void *state)
{
	ZSTD_freeDCtx(state);
}

/* The first byte of a frame, or of one to be skipped (RFC 8878 3.1). */
static bool starts_zstd(unsigned char c)
{
	return c == 0x28 || (c & 0xf0) == 0x50;
}

static bool feed_zstd(struct body *b, struct str in, struct err *e)
{
	ZSTD_inBuffer from = {in.p, in.n, 0};
	bool full;
	do {
		/* The formats before 0.8 that the library may still know are no "zstd" of RFC 8878. */
		if (b->ended && !starts_zstd((unsigned char)in.p[from.pos]))
			return damaged(b, e);
		size_t n;
		char one, *to = room(b, &n);
		ZSTD_outBuffer out = {to ? to : &one, to ? n : 1, 0};
		size_t got = ZSTD_decompressStream(b->state, &out, &from);
		if (ZSTD_isError(got))
			return damaged(b, e);
		if (!to && out.pos)
			return body_too_large(e);
		b->bytes.n += out.pos;
		if (!body_count(b, out.pos, e))
			return false;
		b->ended = got == 0;
		/* A frame that is done and no more input: stop, or zstd waits for the next frame. */
		full = out.pos == out.size && !b->ended;
	} while (full || from.pos < from.size);
	return true;
}

static const struct body_coding codings[] = {
    {STR("gzip"), open_gzip, feed_zlib, close_zlib},
    {STR("x-gzip"), open_gzip, feed_zlib, close_zlib},
    {STR("deflate"), open_deflate, feed_zlib, close_zlib},
    {STR("zstd"), open_zstd, feed_zstd, close_zstd},
};

/* --- the body --- */

void body_init(struct body *b)
{
	*b = (struct body){0};
	buf_init(&b->bytes, (size_t)net_limits.body_bytes);
}

static bool set_coding(struct body *b, struct str name, struct err *e)
{
	if (name.n == 0 || str_eq_nocase(name, S("identity")))
		return true;
	for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
		if (!str_eq_nocase(name, codings[i].name))
			continue;
		b->coding = &codings[i];
		b->state = b->coding->open();
		b->ended = true;
		return b->state || fail(e, ERR_INTERNAL, NULL, "The request body cannot be inflated.");
	}
	return fail(e, ERR_MEDIA_TYPE, NULL,
		    "Unsupported Content-Encoding. The server understands 'gzip', 'deflate' and 'zstd'.");
}

bool body_begin(struct body *b, struct str coding, uint64_t length, struct err *e)
{
	if (length > (uint64_t)net_limits.body_bytes)
		return body_too_large(e);
	return set_coding(b, coding, e);
}

bool body_feed(struct body *b, struct str in, struct err *e)
{
	if (in.n == 0)
		return true;
	if (b->coding)
		return b->coding->feed(b, in, e);
	if (!body_count(b, in.n, e))
		return false;
	buf_add(&b->bytes, in);
	return !b->bytes.over || body_too_large(e);
}

bool body_end(struct body *b, struct err *e)
{
	if (b->coding && !b->ended)
		return damaged(b, e);
	return true;
}

void body_reset(struct body *b)
{
	if (b->state)
		b->coding->close(b->state);
	b->coding = NULL;
	b->state = NULL;
	b->ended = false;
	if (b->counted)
		atomic_fetch_sub(&inflight, b->counted);
	b->counted = 0;
	if (b->bytes.cap > KEEP)
		buf_release(&b->bytes);
	buf_clear(&b->bytes);
}

void body_release(struct body *b)
{
	body_reset(b);
	buf_release(&b->bytes);
}
