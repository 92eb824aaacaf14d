/* multipart_test.c - forms, fed at every cut. */
#include "wire/multipart.h"

#include <string.h>

#include "base/test.h"

struct seen {
	struct multipart m;
	struct buf b; /* "name/filename/type=bytes;" each */
};

static void put(struct seen *s, struct str v)
{
	buf_add(&s->b, v.p ? v : S("-"));
}

static bool on_part(struct multipart *m, const struct multipart_head *h, struct err *e)
{
	struct seen *s = (struct seen *)m;
	put(s, h->name);
	put(s, S("/"));
	put(s, h->filename);
	put(s, S("/"));
	put(s, h->type);
	put(s, S("="));
	return true;
}

static bool on_bytes(struct multipart *m, struct str bytes, struct err *e)
{
	put((struct seen *)m, bytes);
	return !memchr(bytes.p, '!', bytes.n) || fail(e, ERR_INVALID_VALUE, NULL, "no shouting");
}

static bool on_end(struct multipart *m, struct err *e)
{
	put((struct seen *)m, S(";"));
	return true;
}

static const struct multipart_events events = {on_part, on_bytes, on_end};

static bool feed(struct str type, struct str in, size_t cut1, size_t cut2, struct seen *s, struct err *e)
{
	buf_init(&s->b, 100000);
	bool ok = multipart_init(&s->m, &events, type, 3, e) && multipart_feed(&s->m, (struct str){in.p, cut1}, e) &&
		  multipart_feed(&s->m, (struct str){in.p + cut1, cut2 - cut1}, e) &&
		  multipart_feed(&s->m, (struct str){in.p + cut2, in.n - cut2}, e) && multipart_end(&s->m, e);
	multipart_release(&s->m);
	return ok;
}

/* `want` {0}: refused with `why` in the text. */
static void gives(struct str type, struct str in, struct str want, const char *why)
{
	for (size_t cut1 = 0; cut1 <= in.n; cut1++)
		for (size_t cut2 = cut1; cut2 <= in.n; cut2 += 1 + in.n / 50) {
			struct seen s;
			struct err e = {0};
			bool ok = feed(type, in, cut1, cut2, &s, &e);
			CHECK(ok == !why);
			if (ok)
				CHECK_STR(buf_str(&s.b), want);
			else
				CHECK(why && strstr(e.msg, why) && err_rows[e.code].status == 400);
			buf_release(&s.b);
			if (test_failed) {
				printf("# %.*s: %s\n", FMT(in), e.msg);
				return;
			}
		}
}

#define TYPE S("multipart/form-data; boundary=b0")
#define FIELD(name, text) "--b0\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" text "\r\n"
#define END "--b0--\r\n"
static const struct str none;

static void forms(void)
{
	gives(TYPE, S(FIELD("purpose", "user_data") END), S("purpose/-/-=user_data;"), NULL);
	gives(TYPE, S(FIELD("a", "1") FIELD("b", "") "--b0--"), S("a/-/-=1;b/-/-=;"), NULL);
	gives(TYPE,
	      S("--b0\r\ncontent-disposition: form-data; name=file; filename=\"a b;.txt\"\r\nContent-Type: text/plain\r\n\r\n"
		"one\r\ntwo\r\n" END),
	      S("file/a b;.txt/text/plain=one\r\ntwo;"), NULL);
	gives(TYPE, S("before\r\n" FIELD("a", "1") "--b0--after"), S("a/-/-=1;"), NULL);
	gives(TYPE, S("\r\n--b0 \t\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n" END), S("a/-/-=1;"), NULL);
	gives(S("multipart/form-data; charset=utf-8; boundary=\"b0\"; x"), S(FIELD("a", "1") END), S("a/-/-=1;"), NULL);
}

static void near_boundaries(void)
{
	gives(TYPE, S(FIELD("a", "\r\r\n\r\n-\r\n--\r\n--b\r\n--b1\r\n\r--b0") END),
	      S("a/-/-=\r\r\n\r\n-\r\n--\r\n--b\r\n--b1\r\n\r--b0;"), NULL);
	gives(TYPE, S(FIELD("a", "--b0\n--b0--") END), S("a/-/-=--b0\n--b0--;"), NULL);
	gives(TYPE, S(FIELD("a", "--b0\r\n--b00") END), none, "follows a boundary");
	gives(TYPE, S(FIELD("a", "\r\n--b0-x") END), none, "follows a boundary");
}

static void names(void)
{
	static const char *const heads[][2] = {
	    {"name=\"f\"; filename=\"a\\\"b\\\\c.txt\"", "f/a\"b\\c.txt/-=;"},
	    {"name=f; filename=\"C:\\dir\\x.png\"", "f/C:\\dir\\x.png/-=;"},
	    {"name=f; filename=\"a%22b%20%0a%2\"", "f/a\"b%20%0a%2/-=;"},
	    {"name=f; filename=\"%0D%0A%22\"", "f/\r\n\"/-=;"},
	    {"name=f; filename=\"\"", "f//-=;"},
	    {"name=f; filename=\"../../etc/passwd\"", "f/../../etc/passwd/-=;"},
	    {"name=f; filename=x; filename*=UTF-8''na%C3%AFve%20a.txt", "f/na\xc3\xafve a.txt/-=;"},
	    {"name=f; filename=x; filename*=latin1''%E9", "f/x/-=;"},
	    {"name=f; filename=\"\xe6\x97\xa5.pdf\"", "f/\xe6\x97\xa5.pdf/-=;"},
	    {"name=\"expires_after[seconds]\"", "expires_after[seconds]/-/-=;"},
	    {"name=a; name=b", "a/-/-=;"},
	};
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		char in[400];
		snprintf(in, sizeof in, "--b0\r\nContent-Disposition: form-data; %s\r\n\r\n\r\n--b0--\r\n", heads[i][0]);
		gives(TYPE, str_of(in), str_of(heads[i][1]), NULL);
	}
}

static void refused(void)
{
	gives(S("multipart/form-data"), S(FIELD("a", "1") END), none, "boundary");
	gives(S("multipart/form-data; boundary="), S(FIELD("a", "1") END), none, "boundary");
	gives(S("multipart/form-data; boundary=\"b0"), S(FIELD("a", "1") END), none, "malformed");
	gives(S("multipart/form-data; boundary=\"b\\\r0\""), S(""), none, "characters");
	gives(S("multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789x"),
	      S(""), none, "boundary of");
	gives(TYPE, S(""), none, "no parts");
	gives(TYPE, S("a=1&b=2"), none, "no parts");
	gives(TYPE, S(FIELD("a", "1")), none, "cut off");
	gives(TYPE, S(FIELD("a", "1") "--b0"), none, "cut off");
	gives(TYPE, S(FIELD("a", "1") FIELD("a", "1") FIELD("a", "1") FIELD("a", "1") END), none, "too many parts");
	gives(TYPE, S(FIELD("a\0b", "1") END), none, "NUL");
	gives(TYPE, S(FIELD("a\xff", "1") END), none, "UTF-8");
	gives(TYPE, S("--b0\r\nContent-Disposition: form-data; name=f; filename*=utf-8''%00\r\n\r\n1\r\n" END), none, "NUL");
	gives(TYPE, S(FIELD("", "1") END), none, "no name");
	gives(TYPE, S("--b0\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n" END), none, "not form-data");
	gives(TYPE, S("--b0\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n" END), none, "malformed");
	gives(TYPE, S("--b0\r\nContent-Disposition: form-data; name=\"a\"b\r\n\r\n1\r\n" END), none, "malformed");
	gives(TYPE, S("--b0\r\nX\r\n\r\n1\r\n" END), none, "colon");
	gives(TYPE, S("--b0\r\n\r\n1\r\n" END), none, "no name");
	gives(TYPE, S("--b0\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" END),
	      none, "Transfer-Encoding");
	gives(TYPE, S(FIELD("a", "oh!") END), none, "no shouting");
}

static void bounds(void)
{
	struct seen s;
	struct err e = {0};
	char big[MULTIPART_HEAD + 100];
	memset(big, 'a', sizeof big);
	struct str pieces[] = {S("--b0\r\nContent-Disposition: form-data; name="), {big, sizeof big}};
	buf_init(&s.b, 1000);
	CHECK(multipart_init(&s.m, &events, TYPE, 3, &e) && multipart_feed(&s.m, pieces[0], &e));
	CHECK(!multipart_feed(&s.m, pieces[1], &e) && strstr(e.msg, "headers are too large"));
	multipart_release(&s.m);
	e = (struct err){0};
	CHECK(multipart_init(&s.m, &events, TYPE, 3, &e));
	CHECK(!multipart_feed(&s.m, pieces[1], &e) && strstr(e.msg, "no boundary"));
	multipart_release(&s.m);
	buf_release(&s.b);
	CHECK(multipart_type(S("Multipart/Form-Data ; boundary=x")) && !multipart_type(S("multipart/mixed; boundary=x")));
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"forms", forms}, {"near boundaries", near_boundaries}, {"names", names}, {"refused", refused}, {"bounds", bounds},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
