/* address_test.c - addresses to listen on, in all their forms. */
#include "base/test.h"
#include "main/address.h"

static struct arena arena;
static struct addresses got;
static struct err err;

static bool addresses(const char *a, const char *b)
{
	struct str at[2] = {str_of(a), str_of(b)};
	struct config_list l = {at, b ? 2 : 1};
	err = (struct err){0};
	return addresses_read(&arena, &l, &got, &err);
}

static void forms(void)
{
	static const struct {
		const char *text, *url;
		bool loopback;
	} rows[] = {
	    {"127.0.0.1:8080", "http://127.0.0.1:8080", true},
	    {"[::1]:80", "http://[::1]:80", true},
	    {"0.0.0.0:1", "http://0.0.0.0:1", false},
	    {":9", "http://0.0.0.0:9", false},
	    {"*:9", "http://0.0.0.0:9", false},
	    {"9", "http://127.0.0.1:9", true},
	    {"127.9.9.9:0", "http://127.9.9.9:0", true},
	    {"[::]:9", "http://[::]:9", false},
	    {"unix:/a/b", "unix:/a/b", true},
	    {"10.1.2.3:5", "http://10.1.2.3:5", false},
	    {"localhost:0", "http://127.0.0.1:0", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(addresses(rows[i].text, NULL));
		CHECK(got.n == 1 && got.loopback == rows[i].loopback);
		CHECK_STR(address_url(&arena, &got.at[0], false), str_of(rows[i].url));
	}
	CHECK(addresses("localhost:80", NULL) && got.n == 2 && got.at[1].may_lack);
	CHECK(addresses("127.0.0.1:8080", "[::1]:8080") && got.n == 2 && got.at[1].may_lack && !got.at[0].may_lack);
	CHECK(addresses("127.0.0.1:1", "0.0.0.0:2") && !got.loopback);
	arena_free(&arena);
}

static void wrong(void)
{
	static const char *const rows[] = {
	    "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", ""};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK(!addresses(rows[i], NULL) && err.code == ERR_CONFIG);
	arena_free(&arena);
}

int main(void)
{
	static const struct test_case all[] = {{"forms of addresses", forms}, {"wrong addresses", wrong}};
	return test_main(all, sizeof all / sizeof *all);
}
