/* paths.c - folders, and the door of a running server. */
#include "main/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "antiphon.sock"

bool folder_make(struct str path, struct err *e)
{
	char text[PATH_MAX];
	if (!path.n || path.n >= sizeof text)
		return fail(e, ERR_CONFIG, NULL, "'%.*s' is no folder name", FMT(path));
	memcpy(text, path.p, path.n);
	text[path.n] = 0;
	for (char *slash = text + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = 0;
		if (mkdir(text, 0700) && errno != EEXIST)
			return fail(e, ERR_CONFIG, NULL, "the folder %s can't be made: %s", text, strerror(errno));
	}
	if (mkdir(text, 0700) && errno != EEXIST)
		return fail(e, ERR_CONFIG, NULL, "the folder %s can't be made: %s", text, strerror(errno));
	return true;
}

struct str path_absolute(struct arena *a, struct str path)
{
	char here[PATH_MAX];
	if ((path.n && path.p[0] == '/') || !getcwd(here, sizeof here))
		return path;
	return str_fmt(a, "%s/%.*s", here, FMT(path));
}

bool socket_path(struct arena *a, struct str dir, struct str *ret, struct err *e)
{
	struct sockaddr_un un;
	struct str path = str_fmt(a, "%.*s/" SOCKET_NAME, FMT(dir));
	if (path.n >= sizeof un.sun_path) {
		struct str folder = str_copy(a, dir);
		int fd = open(folder.p, O_PATH | O_DIRECTORY | O_CLOEXEC); /* kept: the name below stands on it */
		if (fd < 0)
			return fail(e, ERR_CONFIG, NULL, "%s: %s", folder.p, strerror(errno));
		path = str_fmt(a, "/proc/self/fd/%d/" SOCKET_NAME, fd);
	}
	*ret = path;
	return true;
}
