/* folder_name_test.c - which paths of files are taken, and what names are made of. */
#include "base/test.h"
#include "container/folder.h"
#include "container/folder_name.h"

#include <string.h>

static void paths(void)
{
	static const char *const good[] = {"a", "a/b", "..a", "a..", "-rf", " ", "\xc3\xbc/x.png", "..."};
	static const char *const bad[] = {"", ".", "..", "/a", "a/", "a//b", "../a", "a/..", "a/../b", "a/./b", "a\nb", "a\x7f", "\xff", "\x01"};
	char wide[300];
	memset(wide, 'x', sizeof wide);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(folder_path_fits(str_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!folder_path_fits(str_of(bad[i])));
	CHECK(folder_path_fits((struct str){wide, 255}) && !folder_path_fits((struct str){wide, 256}));
	CHECK(!folder_path_fits((struct str){"a\0b", 3}));
}

static void names(void)
{
	struct arena a = {0};
	char wide[400];
	for (size_t i = 0; i < sizeof wide; i += 2)
		memcpy(wide + i, "\xc3\xbc", 2);
	CHECK_STR(folder_name(&a, S("p"), S("n.txt")), S("p-n.txt"));
	struct str cut = folder_name(&a, S("p"), (struct str){wide, sizeof wide});
	CHECK(cut.n <= 255 && cut.n > 250 && folder_path_fits(cut));
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {{"paths", paths}, {"names", names}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
