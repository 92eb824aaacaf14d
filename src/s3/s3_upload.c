/* s3_upload.c - an object in parts. */
#include "s3/s3_upload.h"

#include <sodium.h>

#include "s3/s3_call.h"
#include "s3/s3_xml.h"

enum { PARTS_MOST = 10000, PART_TEXT = 256 };

struct s3_upload {
	struct s3 *s3;
	struct arena arena;
	struct str name, id;
	struct buf parts; /* what ends it, as far as it is known */
	int64_t n, bytes;
};

bool s3_upload_begin(struct s3 *s, struct str name, struct s3_upload **ret, struct err *e)
{
	struct fetch_answer got;
	struct s3_call c = {.method = S("POST"),
			    .name = name,
			    .query = S("uploads="),
			    .body = S(""),
			    .headers = {S("x-amz-checksum-algorithm: SHA256")}};
	if (!s3_ask(s, &c, &got, e))
		return false;
	struct s3_upload *u = xalloc(sizeof *u);
	u->s3 = s;
	u->name = str_copy(&u->arena, name);
	u->id = s3_xml_find(&u->arena, buf_str(&got.body), S("UploadId"));
	buf_init(&u->parts, (size_t)PARTS_MOST * PART_TEXT);
	buf_add(&u->parts, S("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
	fetch_release(&got);
	if (!u->id.n) {
		s3_upload_free(u);
		return fail(e, ERR_UNAVAILABLE, NULL, "S3 began an upload without an id");
	}
	*ret = u;
	return true;
}

static struct str s3_quoteless(struct str etag)
{
	if (etag.n >= 2 && etag.p[0] == '"' && etag.p[etag.n - 1] == '"')
		return (struct str){etag.p + 1, etag.n - 2};
	return etag;
}

bool s3_upload_part(struct s3_upload *u, struct str bytes, struct err *e)
{
	struct arena a = {0};
	struct fetch_answer got;
	uint8_t sum[32];
	char sum64[45];
	if (u->n == PARTS_MOST)
		return fail(e, ERR_TOO_LARGE, NULL, "The file has more than %d parts of blobs.part_bytes.", PARTS_MOST);
	s3_sha256(bytes, sum);
	sodium_bin2base64(sum64, sizeof sum64, sum, sizeof sum, sodium_base64_VARIANT_ORIGINAL);
	struct s3_call c = {
	    .method = S("PUT"),
	    .name = u->name,
	    .body = bytes,
	    .query = str_fmt(&a, "partNumber=%lld&uploadId=%.*s", (long long)u->n + 1, FMT(s3_encode(&a, u->id))),
	    .headers = {str_fmt(&a, "x-amz-checksum-sha256: %s", sum64)}};
	bool ok = s3_ask(u->s3, &c, &got, e);
	if (ok) {
		struct str etag = s3_quoteless(fetch_header(&got, S("etag"))),
			   said = fetch_header(&got, S("x-amz-checksum-sha256"));
		ok = (!said.n || str_eq(said, str_of(sum64))) && etag.n && etag.n < PART_TEXT / 2 &&
		     str_find(etag, '<') == etag.n;
		buf_fmt(&u->parts, "<Part><ETag>&quot;%.*s&quot;</ETag>", FMT(etag));
		if (said.n)
			buf_fmt(&u->parts, "<ChecksumSHA256>%s</ChecksumSHA256>", sum64);
		buf_fmt(&u->parts, "<PartNumber>%lld</PartNumber></Part>", (long long)u->n + 1);
		if (!ok)
			fail(e, ERR_UNAVAILABLE, NULL, "S3 has other bytes of %.*s than it was sent", FMT(u->name));
		fetch_release(&got);
	}
	u->n++;
	u->bytes += (int64_t)bytes.n;
	arena_free(&a);
	return ok;
}

/* Was it ended after all, though the answer was lost? */
static bool s3_upload_ended(struct s3_upload *u)
{
	struct err ignored = {0};
	struct s3_piece p = {.at = 0, .most = 1};
	bool ok = s3_get(u->s3, u->name, &p, &ignored);
	buf_release(&p.bytes);
	return ok && p.total == u->bytes;
}

bool s3_upload_end(struct s3_upload *u, struct err *e)
{
	struct arena a = {0};
	struct fetch_answer got;
	struct err why = {0};
	buf_add(&u->parts, S("</CompleteMultipartUpload>"));
	struct s3_call c = {.method = S("POST"),
			    .name = u->name,
			    .body = buf_str(&u->parts),
			    .query = str_fmt(&a, "uploadId=%.*s", FMT(s3_encode(&a, u->id)))};
	bool ok = s3_ask(u->s3, &c, &got, &why);
	if (ok) {
		ok = !s3_error(&got, &why); /* an answer of 200 whose body says otherwise */
		fetch_release(&got);
	}
	ok = ok || (why.code != ERR_STORE_FULL && s3_upload_ended(u));
	if (!ok && !e->code)
		*e = why.code == ERR_NOT_FOUND ? (struct err){0} : why;
	arena_free(&a);
	return ok ||
	       (e->code ? false : fail(e, ERR_UNAVAILABLE, NULL, "S3 has forgotten the upload of %.*s", FMT(u->name)));
}

struct str s3_upload_id(const struct s3_upload *u)
{
	return u->id;
}

void s3_upload_free(struct s3_upload *u)
{
	buf_release(&u->parts);
	arena_free(&u->arena);
	xfree(u);
}

bool s3_abort(struct s3 *s, struct str name, struct str id, struct err *e)
{
	struct arena a = {0};
	struct fetch_answer got;
	struct err why = {0};
	struct s3_call c = {
	    .method = S("DELETE"), .name = name, .query = str_fmt(&a, "uploadId=%.*s", FMT(s3_encode(&a, id)))};
	bool ok = s3_ask(s, &c, &got, &why);
	if (ok)
		fetch_release(&got);
	else if (why.code != ERR_NOT_FOUND && !e->code)
		*e = why;
	arena_free(&a);
	return ok || why.code == ERR_NOT_FOUND;
}
