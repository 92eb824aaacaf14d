/* inlay.c - texts without their bytes, and whole again. */
#include "store/inlay.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/blob.h"

enum {
	INLAYS = 64,      /* of one text; further ones stay in it */
	PLACE = 48,       /* bytes of one place */
	HEAD = 128,       /* a data URL's, before its comma */
	PIECE = 12 * 1024 /* bytes that are read and encoded at once; a multiple of 3 */
};

/* --- cutting ----------------------------------------------------------------------------------------------------- */

struct inlay_run {
	size_t at, n; /* characters of base64 */
};

static bool inlay_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* A data URL's base64 begins behind its comma. */
static size_t inlay_start(struct str text, size_t at)
{
	struct str rest = {text.p + at, text.n - at};
	if (!str_starts(rest, S("data:")))
		return at;
	const char *comma = memchr(rest.p, ',', rest.n < HEAD ? rest.n : HEAD);
	return comma ? (size_t)(comma - text.p) + 1 : at;
}

/* Would the bytes give these very characters again? `n` letters, then `pad` signs. */
static bool inlay_exact(const char *p, size_t n, size_t pad)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t spare = pad == 1 ? 4 : 16; /* bits of the last letter that no byte has */
	if ((n + pad) % 4 || pad > 2)
		return false;
	return !pad || (size_t)(strchr(letters, p[n - 1]) - letters) % spare == 0;
}

/* The next string that is long base64 and nothing else, from *at on. */
static bool inlay_next(struct str text, size_t *at, struct inlay_run *ret)
{
	const char *quote;
	while (*at < text.n && (quote = memchr(text.p + *at, '"', text.n - *at))) {
		size_t from = inlay_start(text, (size_t)(quote - text.p) + 1), n = 0, pad = 0;
		while (from + n < text.n && inlay_letter(text.p[from + n]))
			n++;
		while (from + n + pad < text.n && pad < 3 && text.p[from + n + pad] == '=')
			pad++;
		*at = from + n + pad;
		*ret = (struct inlay_run){from, n + pad};
		if ((int64_t)n >= store_limits.inlay_bytes && *at < text.n && text.p[*at] == '"' &&
		    inlay_exact(text.p + from, n, pad))
			return true;
	}
	return false;
}

static size_t inlay_pads(const char *p, size_t n)
{
	return (size_t)(p[n - 1] == '=') + (p[n - 2] == '=');
}

/* The bytes of a run, at the end of the request's room. OpenSSL counts pads as bytes of zeros. */
static size_t inlay_decode(struct store_request *r, char *to, struct str run)
{
	int n = EVP_DecodeBlock((unsigned char *)to, (const unsigned char *)run.p, (int)run.n);
	assert(n >= 0 && to >= r->bytes);
	return (size_t)n - inlay_pads(run.p, run.n);
}

struct inlaid inlay_cut(struct store_request *r, struct str text)
{
	struct inlaid in = {.text = text, .places = S("")};
	struct inlay_run runs[INLAYS];
	size_t n = 0, at = 0, cut = 0, bytes = 0;
	while (n < INLAYS && text.n < INT32_MAX && inlay_next(text, &at, &runs[n]))
		cut += runs[n++].n;
	if (!n)
		return in;
	char *room = r->bytes_end - cut / 4 * 3, *to = in.made = xrealloc(NULL, text.n - cut + n * PLACE);
	char *places = to + (text.n - cut);
	in.places = (struct str){places, 0};
	for (size_t i = at = 0; i < n; at = runs[i].at + runs[i].n, i++) {
		memcpy(to, text.p + at, runs[i].at - at);
		to += runs[i].at - at;
		size_t got = inlay_decode(r, room + bytes, (struct str){text.p + runs[i].at, runs[i].n});
		in.places.n += (size_t)snprintf(places + in.places.n, PLACE, "%s%zu:%zu", i ? "," : "",
						(size_t)(to - in.made), got);
		bytes += got;
	}
	memcpy(to, text.p + at, text.n - at);
	in.text = (struct str){in.made, text.n - cut};
	in.blob = id_mint().key;
	r->bytes_end = room;
	r->blobs = xrealloc(r->blobs, (r->n_blobs + 1) * sizeof *r->blobs);
	r->blobs[r->n_blobs++] = (struct request_blob){in.blob, {room, bytes}};
	return in;
}

void inlay_release(struct inlaid *in)
{
	xfree(in->made);
	in->made = NULL;
}

/* --- joining ----------------------------------------------------------------------------------------------------- */

/* The next of "at:bytes,at:bytes". */
static bool inlay_place(struct str *places, size_t *at, size_t *bytes)
{
	struct str one = str_cut(places, ','), first = str_cut(&one, ':');
	int64_t a = 0, b = 0;
	if (!str_int(first, &a) || !str_int(one, &b) || a < 0 || b < 0)
		return false;
	*at = (size_t)a;
	*bytes = (size_t)b;
	return true;
}

int64_t inlay_bytes(struct str places)
{
	size_t at, bytes;
	int64_t n = 0;
	while (places.n && inlay_place(&places, &at, &bytes))
		n += (int64_t)bytes;
	return n;
}

size_t inlay_size(const struct cell *cells)
{
	struct str places = cells[2].s;
	size_t n = cells[0].s.n, at, bytes;
	while (cells[1].i && places.n && inlay_place(&places, &at, &bytes))
		n += (bytes + 2) / 3 * 4;
	return n;
}

/* `n` bytes of the blob from `at` on as base64 at `to`. */
static bool inlay_encode(struct blob_in *blob, int64_t at, size_t n, char *to)
{
	struct err e = {0};
	unsigned char piece[PIECE], text[PIECE / 3 * 4 + 1];
	for (size_t left = n; left;) {
		size_t want = left < PIECE ? left : PIECE;
		if (blob_read_at(blob, at, (char *)piece, want, &e) != (ssize_t)want)
			return false;
		at += (int64_t)want;
		int made = EVP_EncodeBlock(text, piece, (int)want);
		memcpy(to, text, (size_t)made);
		to += made;
		left -= want;
	}
	return true;
}

static bool inlay_join(struct blob_in *blob, const struct cell *cells, char *to)
{
	struct str text = cells[0].s, places = cells[2].s;
	size_t from = 0, at, bytes;
	int64_t in_blob = 0;
	while (places.n) {
		if (!inlay_place(&places, &at, &bytes) || at < from || at > text.n)
			return false;
		memcpy(to, text.p + from, at - from);
		to += at - from;
		if (!inlay_encode(blob, in_blob, bytes, to))
			return false;
		in_blob += (int64_t)bytes;
		to += (bytes + 2) / 3 * 4;
		from = at;
	}
	memcpy(to, text.p + from, text.n - from);
	return true;
}

struct str inlay_text(struct store *s, struct arena *a, const struct cell *cells)
{
	struct err e = {0};
	if (!cells[1].i)
		return cells[0].s;
	struct blob_in *blob = blob_open_near(s, cells[1].i, &e);
	struct str whole = {0};
	if (blob) {
		whole.n = inlay_size(cells);
		char *to = arena_bytes(a, whole.n);
		whole.p = inlay_join(blob, cells, to) ? to : NULL;
		blob_close(blob);
	}
	if (!whole.p)
		log_at(LOG_ERROR, "an item's bytes cannot be read", "blob=%016llx reason=\"%s\"",
		       (unsigned long long)cells[1].i, e.code ? e.msg : "they are fewer than its row says");
	return whole.p ? whole : (struct str){0};
}
