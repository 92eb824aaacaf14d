/* script_none_test.c - a server that was built without QuickJS: a refusal that says what to install. */
#include <string.h>

#include "base/test.h"
#include "script/script.h"

static void names_the_package(void)
{
	struct arena a = {0};
	struct script s = {.code = S("text(1)")};
	struct script_result r;
	struct err e = {0}, there = {0};
	CHECK(!script_run(&a, &s, &r, &e));
	CHECK(e.code == ERR_CONFIG && strstr(e.msg, "libquickjs"));
	CHECK(!script_there(&there) && there.code == ERR_CONFIG);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {{"what is missing is named", names_the_package}};
	return test_main(cases, 1);
}
