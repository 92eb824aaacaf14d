/* notify.c - tells the service manager what becomes of the server. */
#include "main/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

void notify_manager(struct str state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct str path = str_of(getenv("NOTIFY_SOCKET"));
	if (!path.n)
		return;
	int fd = path.n < sizeof to.sun_path ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	memcpy(to.sun_path, path.p, fd < 0 ? 0 : path.n);
	if (to.sun_path[0] == '@') /* an abstract name */
		to.sun_path[0] = 0;
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
	if (fd < 0 || sendto(fd, state.p, state.n, MSG_NOSIGNAL, (struct sockaddr *)&to, n) < 0)
		log_at(LOG_WARN, "the service manager was not told", "state=%.*s socket=%.*s", FMT(state), FMT(path));
	if (fd >= 0)
		close(fd);
}
