/* skill_archive_test.c - skills' archives in a box. Where none is permitted, that is what is tested. */
#include "index/skill_archive.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "index/skill_file.h"
#include "index/skill_limits.h"
#include "sandbox/host.h"

#define MATTER "---\nname: basic-math\ndescription: Adds.\n---\nText.\n"

/* The files as a zip; paths with their texts, NULL-terminated. */
static bool skill_test_zip(const char *const *files, struct buf *zip, struct err *e)
{
	struct buf in;
	buf_init(&in, 1 << 20);
	for (; files[0]; files += 2)
		skill_file_add(&in, str_of(files[0]), false, str_of(files[1]));
	bool ok = skill_archive_pack(buf_str(&in), "files", NULL, zip, e);
	buf_release(&in);
	return ok;
}

static void attacks(void)
{
	static const struct {
		const char *files[9], *says;
	} rows[] = {
	    {{"a/SKILL.md", MATTER, "a/x/y.py", "1"}, NULL},
	    {{"SKILL.md", MATTER, "x", "1"}, NULL},
	    {{"a/skill.MD", MATTER, "__MACOSX/a/._skill.MD", "junk"}, NULL},
	    {{"a/\xc3\xa9.txt", "1", "a/SKILL.md", MATTER}, NULL},
	    {{"a/SKILL.md", MATTER, "../b", "1"}, "leads out of it"},
	    {{"a/SKILL.md", MATTER, "a/../../b", "1"}, "leads out of it"},
	    {{"a/SKILL.md", MATTER, "/etc/passwd", "1"}, "leads out of it"},
	    {{"a/SKILL.md", MATTER, "a/\x1b[2J", "1"}, "leads out of it"},
	    {{"a/SKILL.md", MATTER, "a/x", "1", "a/x", "2"}, "the same path twice: 'a/x'"},
	    {{"a/SKILL.md", MATTER, "a/x", "1", "a/x/y", "2"}, "the same path twice"},
	    {{"a/SKILL.md", MATTER, "a/skill.md", MATTER}, "exactly one SKILL.md"},
	    {{"a/SKILL.md", MATTER, "a/b/SKILL.md", MATTER}, "exactly one SKILL.md"},
	    {{"a/b/SKILL.md", MATTER}, "in its top folder"},
	    {{"a/x", "1"}, "no SKILL.md"},
	    {{"a/SKILL.md", MATTER, "b/x", "1"}, "one top folder, that of SKILL.md: 'b/x'"},
	    {{"a/SKILL.md", "name: a"}, "front matter"},
	    {{"a/SKILL.md", "---\nname: A\ndescription: d\n---\n"}, "'name' in its SKILL.md must have 1 to 64 lower-case letters, digits and hyphens: 'A'"},
	};
	for (size_t i = 0; host_permits(NULL) && i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct buf zip;
		struct skill_archive k;
		struct err e = {0};
		CHECK(skill_test_zip(rows[i].files, &zip, &e) && skill_archive_like(buf_str(&zip)));
		bool ok = skill_archive_read(&a, buf_str(&zip), "files", NULL, &k, &e);
		if (rows[i].says) {
			CHECK(!ok && e.code == ERR_INVALID_VALUE && str_eq(str_of(e.param), S("files")));
			CHECK(strstr(e.msg, rows[i].says) != NULL);
			if (!strstr(e.msg, rows[i].says))
				printf("# %zu: %s\n", i, e.msg);
		} else {
			CHECK(ok);
			CHECK_STR(k.name, S("basic-math"));
		}
		buf_release(&zip);
		arena_free(&a);
	}
}

static void bounds(void)
{
	static const char *const files[] = {"a/SKILL.md", MATTER, "a/x", "0123456789", "a/y", "0123456789", NULL};
	struct skill_limits was = skill_limits;
	static const struct {
		int64_t *limit, value;
		const char *says;
	} rows[] = {{&skill_limits.files, 2, "skills.files"},
		    {&skill_limits.file_bytes, sizeof MATTER, NULL},
		    {&skill_limits.file_bytes, 9, "skills.file_bytes"},
		    {&skill_limits.unpacked_bytes, 19 + sizeof MATTER, NULL},
		    {&skill_limits.unpacked_bytes, 18 + sizeof MATTER, "skills.unpacked_bytes"},
		    {&skill_limits.bytes, 100, "skills.bytes"}};
	for (size_t i = 0; host_permits(NULL) && i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct buf zip;
		struct skill_archive k;
		struct err e = {0};
		CHECK(skill_test_zip(files, &zip, &e));
		*rows[i].limit = rows[i].value;
		bool ok = skill_archive_read(&a, buf_str(&zip), "files", NULL, &k, &e);
		skill_limits = was;
		CHECK(ok == !rows[i].says && (ok || strstr(e.msg, rows[i].says)));
		buf_release(&zip);
		arena_free(&a);
	}
}

/* Equal files, equal bytes; unpacked without the top folder, for all to read. */
static void round_trip(void)
{
	static const char *const files[] = {"a/SKILL.md", MATTER, "a/x/y", "deep", "a/empty", "", NULL};
	char dir[] = "/tmp/antiphon-skill-XXXXXX", got[8] = "", path[64];
	struct buf one, two;
	struct err e = {0};
	struct stat st;
	struct arena a = {0};
	struct skill_archive k;
	if (!host_permits(NULL)) {
		CHECK(!skill_archive_read(&a, S("PK"), "files", NULL, &k, &e) && e.code == ERR_UNSUPPORTED_VALUE);
		return;
	}
	CHECK(mkdtemp(dir) != NULL && skill_test_zip(files, &one, &e) && skill_test_zip(files, &two, &e));
	CHECK_STR(buf_str(&one), buf_str(&two));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(skill_archive_unpack(buf_str(&one), fd, "files", NULL, &e));
	int file = openat(fd, "x/y", O_RDONLY);
	CHECK(file >= 0 && read(file, got, sizeof got) == 4 && !strcmp(got, "deep") && fstat(file, &st) == 0);
	CHECK((st.st_mode & 07777) == 0444 && fstatat(fd, "empty", &st, 0) == 0 && st.st_size == 0);
	CHECK(!skill_archive_unpack(buf_str(&one), fd, "files", NULL, &e) && e.code == ERR_STORE); /* nothing is written over */
	e = (struct err){0};
	CHECK(!skill_archive_read(&a, S("PK\3\4 and nothing more"), "files", NULL, &k, &e) && e.code == ERR_INVALID_VALUE);
	close(file);
	close(fd);
	static const char *const made[] = {"/x/y", "/x", "/empty", "/SKILL.md", ""};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		snprintf(path, sizeof path, "%s%s", dir, made[i]);
		CHECK(remove(path) == 0);
	}
	buf_release(&one);
	buf_release(&two);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {{"attacks", attacks}, {"bounds", bounds}, {"unpacked", round_trip}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
