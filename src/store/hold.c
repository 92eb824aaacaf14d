/* hold.c - while somebody copies the data folder, bytes whose rows are removed stay. */
#include "store/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

/* A lock belongs to what was opened, so each holder opens the folder for itself. */
static int hold_open(int files)
{
	return openat(files, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int hold_begin(const char *dir, struct err *e)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s/files", dir) >= sizeof path)
		path[0] = 0;
	int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = at >= 0 ? hold_open(at) : -1;
	int rc = fd >= 0 ? 0 : -1;
	while (rc == 0 && (rc = flock(fd, LOCK_SH)) != 0 && errno == EINTR)
		rc = 0;
	if (rc)
		fail(e, ERR_CONFIG, NULL, "cannot use the folder %s: %m", path);
	if (at >= 0)
		close(at);
	if (rc && fd >= 0)
		close(fd);
	return rc ? -1 : fd;
}

int hold_try(int files)
{
	int fd = hold_open(files);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void hold_end(int hold)
{
	if (hold >= 0)
		close(hold);
}
