/* lookup_test.c - members by a file; how entries are written. Names are looked up in tests/test_fleets.py. */
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "fleet/lookup.h"

static struct arena a;

static void kinds_and_their_forms(void)
{
	static const struct {
		const char *what;
		enum lookup_kind kind;
		bool ok;
	} rows[] = {
	    {"http://a:8000", LOOKUP_NONE, true},	 {"unix:/x.sock", LOOKUP_NONE, true},
	    {"file:/etc/engines", LOOKUP_FILE, true},	 {"file:", LOOKUP_FILE, false},
	    {"dns:vllm.internal:8000", LOOKUP_DNS, true}, {"dns:vllm.internal", LOOKUP_DNS, false},
	    {"dns:vllm:0", LOOKUP_DNS, false},		 {"dns:vllm:70000", LOOKUP_DNS, false},
	    {"dns:http://vllm:80", LOOKUP_DNS, false},	 {"srv:_http._tcp.engines.example", LOOKUP_SRV, true},
	    {"srv:", LOOKUP_SRV, false},		 {"srv:a b", LOOKUP_SRV, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		bool ok = lookup_check(str_of(rows[i].what), &e);
		if (lookup_kind(str_of(rows[i].what)) != rows[i].kind || ok != rows[i].ok)
			CHECK(!rows[i].what);
		CHECK(ok || (e.code == ERR_CONFIG && e.msg[0]));
	}
}

static bool file_of(const char *text, size_t most, struct lookup *l, struct err *e)
{
	char path[] = "/tmp/antiphon-lookup-XXXXXX";
	int fd = mkstemp(path);
	struct str s = str_of(text);
	CHECK(fd >= 0 && write(fd, s.p, s.n) == (ssize_t)s.n);
	close(fd);
	*l = (struct lookup){0};
	bool ok = lookup_run(l, &a, str_fmt(&a, "file:%s", path), most, e);
	unlink(path);
	return ok;
}

static void a_file_has_a_url_a_line(void)
{
	struct lookup l;
	struct err e = {0};
	CHECK(file_of("# engines\n\n http://a:1 \r\nhttp://b:2 # the second\nhttp://a:1\nhttp://c:3", 8, &l, &e));
	CHECK(l.n == 3 && !l.more && !l.ttl_s);
	CHECK_STR(l.urls[0], S("http://a:1"));
	CHECK_STR(l.urls[1], S("http://b:2"));
	CHECK_STR(l.urls[2], S("http://c:3"));
	CHECK(file_of("http://a:1\nhttp://b:2\nhttp://c:3\n", 2, &l, &e) && l.n == 2 && l.more);
}

static void nothing_found_is_a_failure(void)
{
	struct lookup l = {0};
	struct err e = {0};
	CHECK(!file_of("# nobody\n\n", 8, &l, &e) && e.code == ERR_UNAVAILABLE);
	e = (struct err){0};
	CHECK(!lookup_run(&l, &a, S("file:/nowhere/at/all"), 8, &e) && e.code == ERR_UNAVAILABLE);
	e = (struct err){0};
	CHECK(!lookup_run(&l, &a, S("file:/tmp"), 8, &e) && e.code == ERR_UNAVAILABLE); /* a folder */
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"kinds and their forms", kinds_and_their_forms},
	    {"a file has a URL a line", a_file_has_a_url_a_line},
	    {"nothing found is a failure", nothing_found_is_a_failure},
	};
	int bad = test_main(tests, sizeof tests / sizeof *tests);
	arena_free(&a);
	return bad;
}
