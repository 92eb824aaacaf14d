/* s3_test.c - settings, credentials, the XML of answers. What a store does: tests/test_blobs.py. */
#include "s3/s3.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "s3/s3_call.h"
#include "s3/s3_credentials.h"
#include "s3/s3_list.h"
#include "s3/s3_xml.h"

static void xml(void)
{
	static const char text[] =
	    "<?xml version=\"1.0\"?><!-- <a> --><s3:Error xmlns:s3='x'><Code>\n No&amp;&#65;&#x42;&#0;&x; </Code>"
	    "<Empty/><b a='1'>t</b></s3:Error>";
	struct arena a = {0};
	struct s3_xml x = {.rest = str_of(text)};
	struct s3_xml_part p;
	CHECK(s3_xml_next(&x, &p) && p.what == S3_XML_BEGIN);
	CHECK_STR(p.name, S("Error"));
	CHECK(s3_xml_next(&x, &p) && p.what == S3_XML_BEGIN);
	CHECK_STR(s3_xml_text(&a, p.text), S("No&AB&#0;&x;"));
	CHECK(s3_xml_next(&x, &p) && p.what == S3_XML_END);
	CHECK(s3_xml_next(&x, &p) && p.what == S3_XML_BEGIN);
	CHECK_STR(p.name, S("Empty"));
	CHECK_STR(s3_xml_find(&a, str_of(text), S("b")), S("t"));
	CHECK(!s3_xml_find(&a, str_of(text), S("c")).p);
	arena_free(&a);
}

static void xml_refused(void)
{
	static const char *const texts[] = {"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
					    "<a><![CDATA[x]]></a>",
					    "<a",
					    "<a><!-- b",
					    "<a></",
					    "<>",
					    "<a>< b></a>"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct s3_xml x = {.rest = str_of(texts[i])};
		struct s3_xml_part p;
		for (int n = 0; n < 10 && s3_xml_next(&x, &p); n++)
			;
		CHECK(x.bad);
	}
}

static bool s3_test_each(void *ctx, const struct s3_found *f, struct err *e)
{
	struct buf *b = ctx;
	buf_fmt(b, "%.*s %.*s %lld;", FMT(f->name), FMT(f->upload.p ? f->upload : S("")), (long long)f->at);
	return true;
}

static void pages(void)
{
	struct arena a = {0};
	struct s3_page_next next;
	struct err e = {0};
	struct buf b;
	buf_init(&b, 4096);
	CHECK(s3_page(
	    &a,
	    S("<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>p/1</Key><LastModified>"
	      "1970-01-02T00:00:01.5Z</LastModified></Contents><Contents><Key>q/2</Key></Contents><Contents><Key>p/3"
	      "</Key><LastModified>never</LastModified></Contents><NextContinuationToken>a=/+&amp;</"
	      "NextContinuationToken>"
	      "</ListBucketResult>"),
	    S("p/"), &next, s3_test_each, &b, &e));
	CHECK_STR(buf_str(&b), S("1  86401;3  0;"));
	CHECK_STR(s3_encode(&a, next.token), S("a%3D%2F%2B%26"));
	b.n = 0;
	CHECK(
	    s3_page(&a,
		    S("<ListMultipartUploadsResult><KeyMarker>x</KeyMarker><Upload><UploadId>u</UploadId><Key>p/1</Key>"
		      "<Initiator><ID>i</ID></Initiator></Upload></ListMultipartUploadsResult>"),
		    S("p/"), &next, s3_test_each, &b, &e));
	CHECK_STR(buf_str(&b), S("1 u 0;"));
	CHECK(!next.key_marker.n && !e.code);
	CHECK(!s3_page(&a, S("<html>hello</html>"), S(""), &next, s3_test_each, &b, &e) && e.code == ERR_UNAVAILABLE);
	e = (struct err){0}; /* cut off */
	CHECK(!s3_page(&a, S("<ListBucketResult><Contents><Key>p/1</K"), S(""), &next, s3_test_each, &b, &e));
	buf_release(&b);
	arena_free(&a);
}

static struct s3_options s3_test_options(void)
{
	return (struct s3_options){
	    .url = S("http://127.0.0.1:1"), .bucket = S("bucket"), .prefix = S("a/b"), .region = S("eu-west-1")};
}

static void settings(void)
{
	struct s3_options o;
	struct s3 *s = NULL;
	struct err e = {0};
	setenv("AWS_ACCESS_KEY_ID", "ID", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "SECRET", 1);
	o = s3_test_options();
	CHECK(s3_new(&o, &s, &e));
	if (s) {
		CHECK_STR(s->base, S("http://127.0.0.1:1/bucket"));
		CHECK_STR(s->prefix, S("a/b/"));
		s3_free(s);
	}
	o.virtual_host = true;
	o.url = S("https://s3.example.com/");
	CHECK(s3_new(&o, &s, &e));
	if (!e.code) {
		CHECK_STR(s->base, S("https://bucket.s3.example.com"));
		s3_free(s);
	}
#define REFUSED(member, value)                                                                                         \
	o = s3_test_options();                                                                                         \
	o.member = S(value);                                                                                           \
	e = (struct err){0};                                                                                           \
	CHECK(!s3_new(&o, &s, &e) && e.code == ERR_CONFIG && strstr(e.msg, "blobs." #member))
	REFUSED(url, "ftp://x");
	REFUSED(url, "http://x/path");
	REFUSED(bucket, "");
	REFUSED(bucket, "a/b");
	REFUSED(prefix, "/a");
	REFUSED(prefix, "a/../b");
	REFUSED(prefix, "a b");
	REFUSED(region, "");
	REFUSED(credentials_file, "/nowhere/at/all");
#undef REFUSED
	unsetenv("AWS_SECRET_ACCESS_KEY");
	o = s3_test_options();
	e = (struct err){0};
	CHECK(!s3_new(&o, &s, &e) && strstr(e.msg, "AWS_SECRET_ACCESS_KEY"));
}

static void credentials(void)
{
	char path[] = "/tmp/s3-credentials-XXXXXX";
	static const char text[] =
	    "# x\n[other]\naws_access_key_id=NO\n[default]\naws_access_key_id = ID\n aws_secret_access_key=a/b+c=\n"
	    "aws_session_token = t\n[more]\naws_secret_access_key=NO\n";
	struct arena a = {0};
	struct s3_credentials c;
	struct err e = {0};
	int fd = mkstemp(path);
	CHECK(write(fd, text, sizeof text - 1) == sizeof text - 1);
	close(fd);
	CHECK(s3_credentials_read(str_of(path), &a, &c, &e));
	CHECK_STR(c.id, S("ID"));
	CHECK_STR(c.secret, S("a/b+c="));
	CHECK_STR(c.token, S("t"));
	chmod(path, 0644);
	CHECK(!s3_credentials_read(str_of(path), &a, &c, &e) && strstr(e.msg, "chmod 600"));
	unlink(path);
	arena_free(&a);
}

/* Nobody listens there: it is said so, after as many tries as there are. */
static void away(void)
{
	struct s3_options o = s3_test_options();
	struct s3 *s;
	struct err e = {0};
	setenv("AWS_SECRET_ACCESS_KEY", "SECRET", 1);
	s3_limits.retry_ms = 1;
	CHECK(s3_new(&o, &s, &e));
	CHECK(!s3_put(s, S("x"), S("hello"), &e) && e.code == ERR_UNAVAILABLE && e.retry_after_ms);
	CHECK(!strstr(e.msg, "SECRET"));
	s3_free(s);
}

int main(void)
{
	static const struct test_case t[] = {{"xml", xml},           {"xml refused", xml_refused}, {"pages", pages},
					     {"settings", settings}, {"credentials", credentials}, {"away", away}};
	return test_main(t, sizeof t / sizeof *t);
}
