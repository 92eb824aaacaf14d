/* share_test.c - a folder that others change while it is read. */
#include "session/share.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/test.h"
#include "session/limits.h"

static char top[] = "/tmp/antiphon-share-XXXXXX", folder[64];

static void put(const char *name, const char *text)
{
	int fd = openat(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* What was synced, in order: these two stand before the C library's. */
static ino_t synced[16];
static size_t n_synced;

static int sync_seen(int fd, long number)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && n_synced < sizeof synced / sizeof *synced)
		synced[n_synced++] = st.st_ino;
	return (int)syscall(number, fd);
}

int fsync(int fd)
{
	return sync_seen(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_seen(fd, SYS_fdatasync);
}

static bool was_synced(const char *name)
{
	struct stat st;
	CHECK(lstat(name, &st) == 0);
	for (size_t i = 0; i < n_synced; i++)
		if (synced[i] == st.st_ino)
			return true;
	return false;
}

/* A file that is kept is on the disk with all that leads to it, and a folder is synced once for a list. */
static void kept(void)
{
	struct err e = {0};
	struct str way = {0};
	CHECK(share_make(folder, &e) && chdir(folder) == 0 && mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0);
	put("top", "1");
	put("a/b/deep", "2");
	put("a/b/two", "3");
	CHECK(symlink("top", "link") == 0 && symlink("a", "other") == 0);
	n_synced = 0;
	CHECK(share_sync(folder, S("a/b/deep"), &way, &e));
	CHECK(was_synced("a/b/deep") && was_synced("a/b") && was_synced("a") && was_synced(".") && n_synced == 4);
	CHECK(share_sync(folder, S("a/b/two"), &way, &e) && was_synced("a/b/two") && n_synced == 5);
	CHECK(share_sync(folder, S("top"), &way, &e) && was_synced("top") && n_synced == 7);
	CHECK(!share_sync(folder, S("link"), &way, &e) && e.code == ERR_NOT_FOUND);
	CHECK(!share_sync(folder, S("other/b/deep"), &way, &e) && !share_sync(folder, S("../folder/top"), &way, &e));
	CHECK(chdir("/") == 0 && share_erase(folder, &e));
}

static void names(void)
{
	struct arena a = {0};
	struct share_list l;
	struct err e = {0};
	struct stat st;
	char path[600], longest[256];
	memset(longest, 'n', 255);
	longest[255] = 0;
	CHECK(share_make(folder, &e) && chdir(folder) == 0);
	put("plain", "1");
	put("-rf", "22");
	put("two\nlines", "333");
	put("\xff\xfe", "4444");
	put(longest, "55555");
	put("hard", "x");
	CHECK(link("hard", "link") == 0 && symlink("/etc/passwd", "soft") == 0 && symlink("..", "up") == 0 &&
	      mkfifo("pipe", 0666) == 0);
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(s, (struct sockaddr *)&un, sizeof un) == 0);
	close(s);
	CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
	put("d/e/deep", "666666");
	CHECK(chmod("d/e", 0) == 0 && chmod("plain", 0) == 0);
	CHECK(share_list(&a, folder, &l, &e) && !l.cut && l.n == 6 && l.names == 14);
	CHECK_STR(l.at[0].path, S("-rf"));
	CHECK(l.at[1].bytes == 6);
	CHECK_STR(l.at[1].path, S("d/e/deep"));
	static const char *const refused[] = {"soft",    "up/passwd", "pipe", "socket",      "link", "hard",
					      "d",       "none",      "",     "/etc/passwd", "../x", "d/../plain",
					      "./plain", "d//e",      "d/e/", "plain/"};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct err why = {0};
		CHECK(share_open(folder, str_of(refused[i]), &st, &why) < 0 && why.code == ERR_NOT_FOUND);
		if (i >= 6)
			CHECK(!share_remove(folder, str_of(refused[i]), &why));
	}
	static const char *const taken[] = {"plain", "soft", "up/new", "pipe/x", "../out", "/tmp/x", "soft/x"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		struct err why = {0};
		CHECK(share_create(folder, str_of(taken[i]), &why) < 0 && why.code == ERR_INVALID_VALUE);
	}
	int fd = share_create(folder, S("new/one/file"), &e);
	CHECK(fd >= 0);
	close(fd);
	CHECK(share_remove(folder, S("new/one/file"), &e) && share_remove(folder, S("soft"), &e));
	snprintf(path, sizeof path, "%s/../x", folder);
	CHECK(access(path, F_OK) != 0 && access("/etc/passwd", F_OK) == 0);
	arena_free(&a);
}

static void bounds(void)
{
	struct arena a = {0};
	struct share_list l;
	struct err e = {0};
	session_limits.folder_files = 5;
	CHECK(share_list(&a, folder, &l, &e) && l.cut);
	session_limits.folder_files = 2000;
	session_limits.folder_depth = 2;
	CHECK(share_list(&a, folder, &l, &e) && l.cut);
	session_limits.folder_depth = 32;
	session_limits.folder_bytes = 1;
	CHECK(share_list(&a, folder, &l, &e) && l.cut);
	session_limits.folder_bytes = 1 << 30;
	/* A file of holes is as large as it is long. */
	int fd = openat(AT_FDCWD, "holes", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(ftruncate(fd, 2LL << 30) == 0);
	close(fd);
	CHECK(share_list(&a, folder, &l, &e) && l.bytes > (2LL << 30));
	/* Folders as deep as they come: the bounds hold, and all of it can be removed. */
	for (int i = 0; i < 300; i++)
		if (mkdir("deep", 0700) || chdir("deep"))
			CHECK(false);
	CHECK(share_list(&a, folder, &l, &e) && l.cut);
	CHECK(chdir("/") == 0 && share_erase(folder, &e) && access(folder, F_OK) != 0 && share_erase(folder, &e));
	arena_free(&a);
}

/* --- a race ------------------------------------------------------------------------------------------------ */

static _Atomic bool over;

/* Exchanges a file and a folder with links to a secret, as fast as it can. */
static void *exchange(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "evil", 2); /* RENAME_EXCHANGE */
		syscall(SYS_renameat2, AT_FDCWD, "dir", AT_FDCWD, "evil_dir", 2);
	}
	return NULL;
}

static void race(void)
{
	pthread_t thread;
	struct arena a = {0};
	struct err e = {0};
	char secret[80], text[16], target[80];
	int leaks = 0, opened = 0;
	snprintf(secret, sizeof secret, "%s/secret", top);
	snprintf(target, sizeof target, "%s/outside", top);
	put(secret, "SECRET");
	CHECK(mkdir(target, 0755) == 0 && share_make(folder, &e) && chdir(folder) == 0);
	snprintf(text, sizeof text, "../secret");
	snprintf(target, sizeof target, "%s/outside/file", top);
	put(target, "SECRET");
	put("file", "public");
	CHECK(symlink("../secret", "evil") == 0 && mkdir("dir", 0755) == 0 && symlink("../outside", "evil_dir") == 0);
	put("dir/file", "public");
	CHECK(pthread_create(&thread, NULL, exchange, NULL) == 0);
	static const char *const paths[] = {"file", "dir/file", "evil", "evil_dir/file"};
	for (int i = 0; i < 8000; i++) {
		struct stat st;
		struct err why = {0};
		int fd = share_open(folder, str_of(paths[i % 4]), &st, &why);
		if (fd < 0)
			continue;
		opened++;
		leaks += read(fd, text, 6) != 6 || memcmp(text, "public", 6) != 0;
		close(fd);
	}
	for (int i = 0; i < 500; i++) {
		struct share_list l;
		CHECK(share_list(&a, folder, &l, &e) && l.n <= 4);
		arena_reset(&a);
	}
	for (int i = 0; i < 500; i++) {
		char name[40];
		struct err why = {0};
		snprintf(name, sizeof name, "dir/made-%d", i);
		int fd = share_create(folder, str_of(name), &why);
		if (fd >= 0)
			close(fd);
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	CHECK(leaks == 0 && opened > 0);
	struct share_list l;
	snprintf(target, sizeof target, "%s/outside", top);
	CHECK(share_list(&a, target, &l, &e) && l.n == 1);
	arena_free(&a);
}

/* As root, and as an ordinary user (`user`), from whom a locked folder is locked. */
int main(int argc, char **argv)
{
	if (argc > 1 && geteuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		return 1;
	static const struct test_case cases[] = {{"what is kept", kept}, {"names and kinds", names}, {"bounds", bounds}, {"a race", race}};
	struct err e = {0};
	if (!mkdtemp(top))
		return 1;
	snprintf(folder, sizeof folder, "%s/folder", top);
	int bad = test_main(cases, sizeof cases / sizeof *cases);
	return !(chdir("/") == 0 && share_erase(top, &e)) || bad;
}
