/* file_test.c - what may be said of files, and what is said of them. */
#include "model/file.h"

#include <string.h>

#include "base/test.h"

static void names(void)
{
	static const char *const good[][2] = {{"a.txt", "a.txt"},
					      {"dir/a.txt", "a.txt"},
					      {"C:\\x\\a.txt", "a.txt"},
					      {"../../etc/passwd", "passwd"},
					      {"na\xc3\xafve .md", "na\xc3\xafve .md"},
					      {"...", "..."}};
	static const char *const bad[] = {"", "/", "a/", "..", "x/..", ".", "a\nb", "a\x7f", "\x01"};
	char big[FILE_NAME_CHARS + 2];
	struct str ret;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct err e = {0};
		CHECK(file_name_read(str_of(good[i][0]), "file", &ret, &e));
		CHECK_STR(ret, str_of(good[i][1]));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = {0};
		CHECK(!file_name_read(str_of(bad[i]), "file", &ret, &e) && e.code == ERR_INVALID_VALUE);
	}
	struct err e = {0};
	memset(big, 'x', sizeof big);
	CHECK(file_name_read((struct str){big, FILE_NAME_CHARS}, "file", &ret, &e));
	CHECK(!file_name_read((struct str){big, sizeof big}, "file", &ret, &e) && e.code == ERR_STRING_TOO_LONG);
}

static enum err_code form(const char *purpose, const char *anchor, const char *seconds, int64_t *life)
{
	struct file_form f = {str_of(purpose), str_of(anchor), str_of(seconds)};
	struct err e = {0};
	file_form_read(&f, life, &e);
	return e.code;
}

static void forms(void)
{
	int64_t life = -1;
	CHECK(form("user_data", NULL, NULL, &life) == ERR_NONE && life == 0);
	CHECK(form("batch", NULL, NULL, &life) == ERR_NONE && life == FILE_BATCH_SECONDS);
	CHECK(form("batch", "created_at", "3600", &life) == ERR_NONE && life == 3600);
	CHECK(form(NULL, NULL, NULL, &life) == ERR_MISSING_PARAMETER);
	CHECK(form("other", NULL, NULL, &life) == ERR_BAD_REQUEST);
	CHECK(form("vision", "now", "3600", &life) == ERR_INVALID_VALUE);
	CHECK(form("vision", "created_at", NULL, &life) == ERR_MISSING_PARAMETER);
	CHECK(form("vision", NULL, "3600", &life) == ERR_MISSING_PARAMETER);
	CHECK(form("vision", "created_at", "soon", &life) == ERR_INVALID_TYPE);
	CHECK(form("vision", "created_at", "3599", &life) == ERR_INT_BELOW_MIN);
	CHECK(form("vision", "created_at", "2592001", &life) == ERR_INT_ABOVE_MAX);
}

static enum err_code upload(const char *json, struct upload_body *ret)
{
	static struct arena a;
	struct err e = {0};
	yyjson_val *v;
	arena_free(&a);
	if (json_parse(&a, str_of(json), &v, &e))
		upload_read(v, 1000, ret, &e);
	return e.code;
}

static void uploads(void)
{
	struct upload_body u;
#define REST "\"purpose\":\"vision\",\"mime_type\":\"image/png\"}"
	CHECK(upload("{\"filename\":\"x/a.png\",\"bytes\":1000," REST, &u) == ERR_NONE && u.bytes == 1000 && u.life == 0);
	CHECK_STR(u.filename, S("a.png"));
	CHECK(upload("{\"filename\":\"a\",\"bytes\":1,\"expires_after\":{\"anchor\":\"created_at\",\"seconds\":4000}," REST, &u) ==
	          ERR_NONE && u.life == 4000);
	CHECK(upload("{\"filename\":\"a\",\"bytes\":1001," REST, &u) == ERR_INT_ABOVE_MAX);
	CHECK(upload("{\"filename\":\"a\",\"bytes\":0," REST, &u) == ERR_INT_BELOW_MIN);
	CHECK(upload("{\"filename\":\"a\"," REST, &u) == ERR_MISSING_PARAMETER);
	CHECK(upload("{\"filename\":\"a\\u0000b\",\"bytes\":1," REST, &u) == ERR_INVALID_VALUE);
	CHECK(upload("{\"filename\":\"a\",\"bytes\":1,\"size\":1," REST, &u) == ERR_UNKNOWN_PARAMETER);
	CHECK(upload("[]", &u) == ERR_INVALID_TYPE);
	upload("{}", &u);
}

static void completes(void)
{
	static const struct {
		const char *json;
		enum err_code want;
	} rows[] = {
		{"{\"part_ids\":[\"a\",\"b\"]}", ERR_NONE},
		{"{\"part_ids\":[\"a\",\"b\"],\"md5\":null}", ERR_NONE},
		{"{\"part_ids\":[\"a\",\"b\"],\"md5\":\"900150983cd24fb0d6963f7d28e17f72\"}", ERR_NONE},
		{"{\"part_ids\":[\"a\"],\"md5\":\"900150983cd24fb0d6963f7d28e17f7\"}", ERR_INVALID_VALUE},
		{"{\"part_ids\":[]}", ERR_EMPTY_ARRAY},
		{"{\"part_ids\":[1]}", ERR_INVALID_TYPE},
		{"{}", ERR_MISSING_PARAMETER},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct err e = {0};
		struct complete_body c = {0};
		yyjson_val *v;
		if (json_parse(&a, str_of(rows[i].json), &v, &e))
			complete_read(&a, v, &c, &e);
		if (e.code != rows[i].want)
			printf("# %s: %s\n", rows[i].json, e.msg);
		CHECK(e.code == rows[i].want && (e.code || c.n == 2));
		arena_free(&a);
	}
}

static void objects(void)
{
	struct buf b;
	struct file_object f = {S("file-1"), S("a\"b"), S("vision"), 3, 5, 0};
	struct upload_object u = {S("upload_1"), S("a"), S("vision"), S("pending"), 3, 5, 7, NULL};
	buf_init(&b, 10000);
	struct jout o = {&b, false};
	file_write(&o, &f);
	CHECK_STR(buf_str(&b), S("{\"object\":\"file\",\"id\":\"file-1\",\"purpose\":\"vision\",\"filename\":\"a\\\"b\",\"bytes\":3,"
				 "\"created_at\":5,\"expires_at\":null,\"status\":\"processed\",\"status_details\":null}"));
	buf_clear(&b);
	o.comma = false;
	upload_write(&o, &u);
	CHECK_STR(buf_str(&b), S("{\"id\":\"upload_1\",\"object\":\"upload\",\"bytes\":3,\"created_at\":5,\"filename\":\"a\","
				 "\"purpose\":\"vision\",\"status\":\"pending\",\"expires_at\":7}"));
	buf_release(&b);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"names", names}, {"forms", forms}, {"uploads", uploads}, {"completes", completes}, {"objects", objects},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
