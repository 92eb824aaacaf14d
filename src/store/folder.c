/* folder.c - the data folder: made private, owned by one process. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/core.h"

static bool make_folders(const char *dir, struct err *e)
{
	char path[PATH_MAX];
	size_t n = strlen(dir);
	if (n == 0 || n >= sizeof path)
		return fail(e, ERR_CONFIG, NULL, "bad data folder \"%s\"", dir);
	memcpy(path, dir, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != 0)
			continue;
		char c = path[i];
		path[i] = 0;
		if (mkdir(path, 0700) && errno != EEXIST && errno != EISDIR)
			return fail(e, ERR_CONFIG, NULL, "cannot make the data folder %s: %m", path);
		path[i] = c;
	}
	return true;
}

static bool locked_by(const char *dir, int fd, struct err *e)
{
	char pid[32] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
	if (n > 0)
		pid[strcspn(pid, "\n")] = 0;
	return fail(e, ERR_CONFIG, NULL,
		    "the data folder %s is in use by process %s; stop that, or take another: --data DIR", dir,
		    *pid ? pid : "unknown");
}

bool folder_take(const char *dir, int *ret, struct err *e)
{
	char path[PATH_MAX], pid[32];
	if (!make_folders(dir, e))
		return false;
	if ((size_t)snprintf(path, sizeof path, "%s/antiphon.lock", dir) >= sizeof path)
		return fail(e, ERR_CONFIG, NULL, "the name of the data folder is too long");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(e, ERR_CONFIG, NULL, "cannot use the data folder %s: %m", dir);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		locked_by(dir, fd, e);
		close(fd);
		return false;
	}
	int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (fchmod(fd, 0600) || ftruncate(fd, 0) || pwrite(fd, pid, (size_t)n, 0) != n) {
		fail(e, ERR_CONFIG, NULL, "cannot write in the data folder %s: %m", dir);
		close(fd);
		return false;
	}
	*ret = fd;
	return true;
}

void folder_release(int lock)
{
	/* The file stays: removing it would race with the next who takes it. */
	close(lock);
}
