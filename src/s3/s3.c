/* s3.c - an object store that speaks Amazon's S3: its settings, and single objects. */
#include "s3/s3.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "net/url.h"
#include "s3/s3_call.h"
#include "s3/s3_credentials.h"

/* --- settings ---------------------------------------------------------------------------------------------------- */

/* Letters, digits and a few more, so that a name stands in an address as it is. */
static bool s3_plain(struct str text, const char *more)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (!((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || char_in(c, more)))
			return false;
	}
	return true;
}

static bool s3_settings(const struct s3_options *o, struct url *url, struct err *e)
{
	if (!url_split(o->url, url) || url->path.n > 1 || url->query.n)
		return fail(e, ERR_CONFIG, NULL, "blobs.url: '%.*s' is not https://HOST or http://HOST:PORT",
			    FMT(o->url));
	if (o->bucket.n < 3 || o->bucket.n > 63 || !s3_plain(o->bucket, ".-") || o->bucket.p[0] == '.')
		return fail(e, ERR_CONFIG, NULL, "blobs.bucket: '%.*s' is no name of a bucket", FMT(o->bucket));
	if (!s3_plain(o->prefix, "-_./") || str_starts(o->prefix, S("/")) ||
	    memmem(o->prefix.p ? o->prefix.p : "", o->prefix.n, "..", 2))
		return fail(e, ERR_CONFIG, NULL,
			    "blobs.prefix: '%.*s' may have letters, digits and -_./ and begin with no '/'",
			    FMT(o->prefix));
	if (!o->region.n || !s3_plain(o->region, "-"))
		return fail(e, ERR_CONFIG, NULL, "blobs.region: '%.*s' is no region", FMT(o->region));
	return true;
}

static void s3_fill(struct s3 *s, const struct s3_options *o, const struct url *u, const struct s3_credentials *c)
{
	struct arena *a = &s->arena;
	struct str at = {u->host.p, (size_t)(o->url.p + o->url.n - u->host.p)};
	if (at.n && at.p[at.n - 1] == '/')
		at.n--;
	s->base = o->virtual_host ? str_fmt(a, "%.*s://%.*s.%.*s", FMT(u->scheme), FMT(o->bucket), FMT(at))
				  : str_fmt(a, "%.*s://%.*s/%.*s", FMT(u->scheme), FMT(at), FMT(o->bucket));
	bool open_end = o->prefix.n && o->prefix.p[o->prefix.n - 1] != '/';
	s->prefix = str_fmt(a, "%.*s%s", FMT(o->prefix.p ? o->prefix : S("")), open_end ? "/" : "");
	s->sign = (struct fetch_sign){str_fmt(a, "aws:amz:%.*s:s3", FMT(o->region)).p, c->id.p, c->secret.p};
	s->ca_file = o->ca_file.n ? str_copy(a, o->ca_file).p : NULL;
	s->token = c->token;
	s->keep = str_fmt(a, "s3 %.*s", FMT(s->base));
}

bool s3_new(const struct s3_options *o, struct s3 **ret, struct err *e)
{
	struct s3_credentials c;
	struct url url;
	struct s3 *s = xalloc(sizeof *s);
	if (!s3_settings(o, &url, e) || !s3_credentials_read(o->credentials_file, &s->arena, &c, e)) {
		s3_free(s);
		return false;
	}
	s3_fill(s, o, &url, &c);
	*ret = s;
	return true;
}

void s3_free(struct s3 *s)
{
	arena_free(&s->arena);
	xfree(s);
}

void s3_stop(struct s3 *s)
{
	atomic_store(&s->stop, true);
}

/* --- objects ----------------------------------------------------------------------------------------------------- */

enum { SUM64 = 45 }; /* a SHA-256 in base64, with its NUL */

static struct str s3_sum64(struct str bytes, char out[SUM64])
{
	uint8_t sum[32];
	s3_sha256(bytes, sum);
	sodium_bin2base64(out, SUM64, sum, sizeof sum, sodium_base64_VARIANT_ORIGINAL);
	return str_of(out);
}

/* What the store says that it has, where it says so, is what was sent. */
static bool s3_same(const struct fetch_answer *got, struct str sum)
{
	struct str said = fetch_header(got, S("x-amz-checksum-sha256"));
	return !said.n || str_eq(said, sum);
}

bool s3_put(struct s3 *s, struct str name, struct str bytes, struct err *e)
{
	struct arena a = {0};
	struct fetch_answer got;
	char sum[SUM64];
	s3_sum64(bytes, sum);
	struct s3_call c = {
	    .method = S("PUT"),
	    .name = name,
	    .body = bytes,
	    .headers = {str_fmt(&a, "x-amz-checksum-sha256: %s", sum), str_fmt(&a, "x-amz-meta-sha256: %s", sum)}};
	bool ok = s3_ask(s, &c, &got, e);
	if (ok) {
		ok = s3_same(&got, str_of(sum)) ||
		     fail(e, ERR_UNAVAILABLE, NULL, "S3 has other bytes of %.*s than it was sent", FMT(name));
		fetch_release(&got);
	}
	arena_free(&a);
	return ok;
}

/* "bytes 0-4/5" (RFC 9110 14.4); without it the answer is all of the object. */
static bool s3_total(const struct fetch_answer *got, struct s3_piece *p)
{
	struct str range = fetch_header(got, S("content-range"));
	p->total = (int64_t)got->body.n;
	if (!range.n)
		return p->at == 0;
	str_cut(&range, '/');
	return str_int(range, &p->total) && p->total >= 0;
}

static bool s3_whole(const struct fetch_answer *got, const struct s3_piece *p)
{
	char sum[SUM64];
	struct str kept = fetch_header(got, S("x-amz-meta-sha256")),
		   said = fetch_header(got, S("x-amz-checksum-sha256"));
	if (p->at || p->total != (int64_t)got->body.n)
		return true; /* a piece: its length is all that can be compared */
	s3_sum64(buf_str(&got->body), sum);
	bool composite = str_find(said, '-') < said.n; /* of a file in parts: a checksum of their checksums */
	return (!kept.n || str_eq(kept, str_of(sum))) && (!said.n || composite || str_eq(said, str_of(sum)));
}

/* How long it is, where a range cannot tell. */
static bool s3_length(struct s3 *s, struct str name, int64_t *ret, struct err *e)
{
	struct fetch_answer got;
	if (!s3_ask(s, &(struct s3_call){.method = S("HEAD"), .name = name}, &got, e))
		return false;
	struct str length = fetch_header(&got, S("content-length"));
	bool ok = str_int(length, ret) || fail(e, ERR_UNAVAILABLE, NULL, "S3 does not say how long %.*s is", FMT(name));
	fetch_release(&got);
	return ok;
}

static bool s3_got(struct str name, const struct fetch_answer *got, struct s3_piece *p, struct err *e)
{
	int64_t want = 0;
	if (s3_total(got, p))
		want = p->total - p->at < (int64_t)p->most ? p->total - p->at : (int64_t)p->most;
	if (want != (int64_t)got->body.n)
		return fail(e, ERR_UNAVAILABLE, NULL, "S3 sent %zu bytes of %.*s, not %lld", got->body.n, FMT(name),
			    (long long)want);
	return s3_whole(got, p) ||
	       fail(e, ERR_STORE, NULL, "The bytes of %.*s in S3 are not those that were put there", FMT(name));
}

bool s3_get(struct s3 *s, struct str name, struct s3_piece *p, struct err *e)
{
	struct arena a = {0};
	struct fetch_answer got;
	struct err why = {0};
	struct s3_call c = {.method = S("GET"),
			    .name = name,
			    .most = p->most + 1,
			    .headers = {str_fmt(&a, "Range: bytes=%lld-%lld", (long long)p->at,
						(long long)(p->at + (int64_t)p->most - 1)),
					S("x-amz-checksum-mode: ENABLED")}};
	buf_init(&p->bytes, 0);
	bool ok = s3_ask(s, &c, &got, &why);
	if (ok) {
		ok = s3_got(name, &got, p, e);
		p->bytes = got.body;
		got.body = (struct buf){0};
		buf_init(&got.body, 0);
		fetch_release(&got);
	} else if (why.code ==
		   ERR_NOT_FOUND) { /* nothing is there, or nothing behind `at`: an empty object has no range at all */
		ok = s3_length(s, name, &p->total, e) && (p->total <= p->at || fail(e, why.code, NULL, "%s", why.msg));
	} else if (!e->code) {
		*e = why;
	}
	arena_free(&a);
	return ok;
}

bool s3_delete(struct s3 *s, struct str name, struct err *e)
{
	struct fetch_answer got;
	struct err why = {0};
	bool ok = s3_ask(s, &(struct s3_call){.method = S("DELETE"), .name = name}, &got, &why);
	if (ok)
		fetch_release(&got);
	else if (why.code != ERR_NOT_FOUND && !e->code)
		*e = why;
	return ok || why.code == ERR_NOT_FOUND;
}
