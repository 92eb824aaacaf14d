/* folder_tree.c - a folder that strangers' code has filled is removed. */
#include "container/folder_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { NAME = 64 };

/* To be emptied: its owner may have shut it. */
static DIR *tree_open(int at, const char *name)
{
	struct stat st;
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
		return NULL;
	if ((st.st_mode & 0700) != 0700 && fchmodat(at, name, 0700, 0))
		return NULL;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d && fd >= 0)
		close(fd);
	return d;
}

static bool tree_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Files of the folder go, its folders become children of `top`. */
static bool tree_flatten(int top, const char *name, unsigned long long *n)
{
	bool did = false;
	char up[NAME];
	struct dirent *at;
	DIR *d = tree_open(top, name);
	if (!d)
		return false;
	while ((at = readdir(d))) {
		if (tree_dots(at->d_name))
			continue;
		bool gone = unlinkat(dirfd(d), at->d_name, 0) == 0;
		snprintf(up, sizeof up, "up-%llu", (*n)++);
		if (!gone && renameat(dirfd(d), at->d_name, top, up) == 0)
			gone = true;
		else if (!gone && fchmodat(dirfd(d), at->d_name, 0700, 0) == 0) /* moving a folder writes into it */
			gone = renameat(dirfd(d), at->d_name, top, up) == 0;
		did |= gone;
	}
	closedir(d);
	return did;
}

/* One pass over the top. false: nothing was there, or nothing can be done. */
static bool tree_pass(int top, unsigned long long *n)
{
	struct dirent *at;
	bool more = false, did = false;
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d)
		return false;
	while ((at = readdir(d))) {
		if (tree_dots(at->d_name))
			continue;
		if (unlinkat(top, at->d_name, 0) == 0 || unlinkat(top, at->d_name, AT_REMOVEDIR) == 0) {
			did = true;
			continue;
		}
		did |= tree_flatten(top, at->d_name, n);
		did |= unlinkat(top, at->d_name, AT_REMOVEDIR) == 0;
		more = true;
	}
	closedir(d);
	return more && did;
}

void tree_remove(int dir, const char *name)
{
	unsigned long long n = 0;
	DIR *d = tree_open(dir, name);
	if (d) {
		while (tree_pass(dirfd(d), &n))
			;
		closedir(d);
	}
	if (unlinkat(dir, name, d ? AT_REMOVEDIR : 0) && errno != ENOENT)
		log_at(LOG_WARN, "a container's folder stays", "folder=%s reason=\"%m\"", name);
}
