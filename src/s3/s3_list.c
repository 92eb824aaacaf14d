/* s3_list.c - what lies in the store under its prefix. */
#include "s3/s3_list.h"

#include <stdio.h>
#include <time.h>

#include "s3/s3_call.h"
#include "s3/s3_xml.h"

/* "2026-11-29T20:21:13.07Z" (ISO 8601); 0: not that. */
static int64_t s3_time(struct str text)
{
	struct tm t = {0};
	char copy[32];
	snprintf(copy, sizeof copy, "%.*s", FMT(text.n < sizeof copy ? text : S("")));
	if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
		   &t.tm_sec) != 6)
		return 0;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	int64_t at = (int64_t)timegm(&t);
	return at > 0 ? at : 0;
}

/* Contents: an object; Upload: an upload. Both have a Key. */
static void s3_page_member(struct arena *a, const struct s3_xml_part *p, struct s3_found *f)
{
	struct str text = s3_xml_text(a, p->text);
	if (str_eq(p->name, S("Key")))
		f->name = text;
	else if (str_eq(p->name, S("UploadId")))
		f->upload = text;
	else if (str_eq(p->name, S("LastModified")) || str_eq(p->name, S("Initiated")))
		f->at = s3_time(text);
}

static void s3_page_head(struct arena *a, const struct s3_xml_part *p, struct s3_page_next *next, bool *more)
{
	struct str text = s3_xml_text(a, p->text);
	if (str_eq(p->name, S("IsTruncated")))
		*more = str_eq(text, S("true"));
	else if (str_eq(p->name, S("NextContinuationToken")))
		next->token = text;
	else if (str_eq(p->name, S("NextKeyMarker")))
		next->key_marker = text;
	else if (str_eq(p->name, S("NextUploadIdMarker")))
		next->upload = text;
}

bool s3_page(struct arena *a, struct str xml, struct str prefix, struct s3_page_next *next, s3_each *each, void *ctx,
	     struct err *e)
{
	struct s3_xml x = {.rest = xml};
	struct s3_xml_part p;
	struct s3_found f = {0};
	bool inside = false, more = false, root = false;
	*next = (struct s3_page_next){0};
	while (s3_xml_next(&x, &p)) {
		bool one = str_eq(p.name, S("Contents")) || str_eq(p.name, S("Upload"));
		if (p.what == S3_XML_BEGIN && !root)
			root = str_eq(p.name, S("ListBucketResult")) || str_eq(p.name, S("ListMultipartUploadsResult"));
		else if (p.what == S3_XML_BEGIN && one) {
			f = (struct s3_found){0};
			inside = true;
		} else if (p.what == S3_XML_BEGIN && inside)
			s3_page_member(a, &p, &f);
		else if (p.what == S3_XML_BEGIN)
			s3_page_head(a, &p, next, &more);
		else if (one && inside) {
			inside = false;
			if (!str_starts(f.name, prefix))
				continue;
			f.name = (struct str){f.name.p + prefix.n, f.name.n - prefix.n};
			if (!each(ctx, &f, e))
				return false;
		}
	}
	if (x.bad || !root)
		return fail(e, ERR_UNAVAILABLE, NULL, "S3 answered with a list that cannot be read");
	if (!more)
		*next = (struct s3_page_next){0};
	return true;
}

static bool s3_list_page(struct s3 *s, struct str query, struct s3_page_next *next, struct arena *a, s3_each *each,
			 void *ctx, struct err *e)
{
	struct fetch_answer got;
	struct err why = {0};
	if (!s3_ask(s, &(struct s3_call){.method = S("GET"), .query = query}, &got, &why)) {
		*next = (struct s3_page_next){0};
		if (why.code != ERR_NOT_FOUND && !e->code)
			*e = why;
		return why.code == ERR_NOT_FOUND; /* so says SeaweedFS where there never was an upload */
	}
	bool ok = s3_page(a, buf_str(&got.body), s->prefix, next, each, ctx, e);
	fetch_release(&got);
	return ok;
}

bool s3_list(struct s3 *s, s3_each *each, void *ctx, struct err *e)
{
	struct arena a = {0}, b = {0};
	struct s3_page_next next = {0};
	bool ok;
	do {
		struct str token = next.token.p ? s3_encode(&b, next.token) : S("");
		struct str query = str_fmt(&b, "%s%.*s%slist-type=2&prefix=%.*s", token.n ? "continuation-token=" : "",
					   FMT(token), token.n ? "&" : "", FMT(s3_encode(&b, s->prefix)));
		arena_reset(&a);
		ok = s3_list_page(s, query, &next, &a, each, ctx, e);
		struct arena done = b;
		b = (struct arena){0};
		next.token = next.token.p ? str_copy(&b, next.token) : next.token;
		arena_free(&done);
	} while (ok && next.token.n);
	arena_free(&a);
	arena_free(&b);
	return ok;
}

bool s3_list_uploads(struct s3 *s, s3_each *each, void *ctx, struct err *e)
{
	struct arena a = {0};
	struct s3_page_next next = {0};
	bool ok;
	do { /* some have thousands, hardly more: what they are called is kept until the end */
		struct str key = next.key_marker.n ? s3_encode(&a, next.key_marker) : S("");
		struct str upload = next.upload.n ? s3_encode(&a, next.upload) : S("");
		struct str query = str_fmt(&a, "%s%.*s%sprefix=%.*s%s%.*s&uploads=", key.n ? "key-marker=" : "",
					   FMT(key), key.n ? "&" : "", FMT(s3_encode(&a, s->prefix)),
					   upload.n ? "&upload-id-marker=" : "", FMT(upload));
		ok = s3_list_page(s, query, &next, &a, each, ctx, e);
	} while (ok && next.key_marker.n);
	arena_free(&a);
	return ok;
}
