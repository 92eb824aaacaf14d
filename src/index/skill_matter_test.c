/* skill_matter_test.c - the front matter of a SKILL.md, and paths. */
#include "index/skill_matter.h"

#include <string.h>

#include "base/test.h"
#include "index/skill_zip.h"

static void matter(void)
{
	static const struct {
		const char *text;
		enum skill_fault fault;
		const char *name, *description;
	} rows[] = {
	    {"---\nname: basic-math\ndescription: Adds.\n---\n# Text\n", SKILL_SOUND, "basic-math", "Adds."},
	    {"\xef\xbb\xbf---\r\nname: a\r\ndescription: 'x: y'\r\n---\r\n", SKILL_SOUND, "a", "x: y"},
	    {"---\ndescription: >\n  two\n  lines\nname: \"7z\"\nmetadata:\n  a: [1, {b: c}]\n---", SKILL_SOUND, "7z", "two lines"},
	    {"--- \nname: a\ndescription: d\n--- \n", SKILL_SOUND, "a", "d"},
	    {"---\nname: &n a\ndescription: *n\n---\n", SKILL_SOUND, "a", "a"},
	    {"", SKILL_MATTER, 0, 0},
	    {"# no front matter\n", SKILL_MATTER, 0, 0},
	    {" ---\nname: a\ndescription: d\n---\n", SKILL_MATTER, 0, 0},
	    {"---\nname: a\ndescription: d\n", SKILL_MATTER, 0, 0},
	    {"---\n---\n", SKILL_YAML, 0, 0},
	    {"---\n- a\n---\n", SKILL_YAML, 0, 0},
	    {"---\nname: [a\n---\n", SKILL_YAML, 0, 0},
	    {"---\nname: a\nname: b\ndescription: d\n---\n", SKILL_YAML, 0, 0},
	    {"---\ndescription: d\n---\n", SKILL_NAME, 0, 0},
	    {"---\nname: Basic\ndescription: d\n---\n", SKILL_NAME, 0, 0},
	    {"---\nname: a/b\ndescription: d\n---\n", SKILL_NAME, 0, 0},
	    {"---\nname: ..\ndescription: d\n---\n", SKILL_NAME, 0, 0},
	    {"---\nname: [a]\ndescription: d\n---\n", SKILL_NAME, 0, 0},
	    {"---\nname: a234567890123456789012345678901234567890123456789012345678901234x\ndescription: d\n---\n", SKILL_NAME, 0, 0},
	    {"---\nname: a\n---\n", SKILL_DESCRIPTION, 0, 0},
	    {"---\nname: a\ndescription: ''\n---\n", SKILL_DESCRIPTION, 0, 0},
	    {"---\nname: a\ndescription: {b: c}\n---\n", SKILL_DESCRIPTION, 0, 0},
	    {"---\nname: a\ndescription: \"\\0\"\n---\n", SKILL_DESCRIPTION, 0, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct skill_matter m;
		CHECK(skill_matter_read(&a, str_of(rows[i].text), &m) == rows[i].fault);
		if (rows[i].name) {
			CHECK_STR(m.name, str_of(rows[i].name));
			CHECK_STR(m.description, str_of(rows[i].description));
		}
		arena_free(&a);
	}
}

static void lengths(void)
{
	char d[2 * SKILL_DESCRIPTION_MAX + 3];
	for (size_t i = 0; i < sizeof d - 1; i += 2)
		memcpy(d + i, "\xc3\xa9", 2);
	CHECK(skill_description_good((struct str){d, 2 * SKILL_DESCRIPTION_MAX}));
	CHECK(!skill_description_good((struct str){d, 2 * SKILL_DESCRIPTION_MAX + 2}));
	CHECK(!skill_description_good((struct str){d, 3})); /* half a character */
}

static void paths(void)
{
	static const char *const good[] = {"SKILL.md", "a/b/c", "a b/\xc3\xa9.txt", "..a/b..", "-rf"};
	static const char *const bad[] = {"",    "/a",    "a/",    "a//b", "a/../b", "..",       "a/..", "./a",
					  "a/.", "a\\b", "a\nb", "\x7f", "\xff",   "a/\x1b[2J"};
	char deep[200], part[300];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(skill_path_good(str_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!skill_path_good(str_of(bad[i])));
	for (size_t i = 0; i + 1 < sizeof deep; i += 2)
		memcpy(deep + i, "a/", 2);
	CHECK(skill_path_good((struct str){deep, 2 * SKILL_DEPTH + 1}) && !skill_path_good((struct str){deep, 2 * SKILL_DEPTH + 3}));
	memset(part, 'a', sizeof part);
	CHECK(skill_path_good((struct str){part, 255}) && !skill_path_good((struct str){part, 256}));
}

int main(void)
{
	static const struct test_case cases[] = {{"front matter", matter}, {"descriptions", lengths}, {"paths", paths}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
