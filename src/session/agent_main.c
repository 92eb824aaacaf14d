/* agent_main.c - the first process of a box that stays; and, before a box is built by root, the room that it is built
 * from.
 *
 *   antiphon-agent [gate]                          in the box: serves orders (session/agent.h)
 *   antiphon-agent room N FOLDER... -- COMMAND...  outside, as root: COMMAND sees the folders as /mnt/0, /mnt/1 ...
 *
 * Programs in the box can neither signal it (to them it is the init of their world) nor look into it (it is not
 * dumpable). It believes the server, never them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/agent.h"

enum {
	ABOVE = 64,  /* our own descriptors lie here, so that those of a program can be put below */
	ROOM_FD = 5, /* where we are when we run as the room */
};

static struct agent_program {
	pid_t pid; /* 0: free. Leads a session and a group of its own */
	uint32_t id;
	int status;
} programs[AGENT_PROGRAMS];

static char packet[AGENT_PACKET];

/* --- a program --------------------------------------------------------------------------------------------- */

static _Noreturn void agent_become(const int *files, int n, char **argv, char **envp)
{
	sigset_t none;
	sigemptyset(&none);
	setsid();
	for (int i = 0; i < n; i++)
		dup2(files[i], i);
	close_range((unsigned)n, ~0U, 0);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir("/mnt/data") == 0)
		execve(argv[0], argv, envp);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void agent_start(const struct agent_order *o, char **strings, int *files, int n)
{
	struct agent_program *p = programs;
	while (p < programs + AGENT_PROGRAMS && p->pid)
		p++;
	if (p == programs + AGENT_PROGRAMS || n < 1)
		return;
	char *argv[AGENT_STRINGS + 1] = {0}, *envp[AGENT_STRINGS + 1] = {0};
	memcpy(argv, strings, o->argc * sizeof *argv);
	memcpy(envp, strings + o->argc, o->envc * sizeof *envp);
	pid_t pid = fork();
	if (pid == 0)
		agent_become(files, n - 1, argv, envp);
	if (pid < 0)
		return; /* too many processes: the end of its status says so */
	*p = (struct agent_program){.pid = pid, .id = o->id, .status = files[n - 1]};
	files[n - 1] = -1;
}

static void agent_reap(void)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (struct agent_program *p = programs; p < programs + AGENT_PROGRAMS; p++)
			if (p->pid == pid) {
				agent_status said = status;
				if (write(p->status, &said, sizeof said) < 0)
					errno = 0; /* nobody waits for it any more */
				close(p->status);
				p->pid = 0;
			}
}

static void agent_signal(const struct agent_order *o)
{
	for (struct agent_program *p = programs; p < programs + AGENT_PROGRAMS; p++)
		if (p->pid && p->id == o->id)
			kill(-p->pid, (int)o->signal);
}

/* --- orders ------------------------------------------------------------------------------------------------ */

/* A packet and its files, moved out of the way. Its length; 0: the end. */
static size_t agent_take(int *files, int *n_files)
{
	union {
		char room[CMSG_SPACE(AGENT_FILES * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = {packet, sizeof packet - 1};
	struct msghdr m = {
	    .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
	ssize_t n = recvmsg(AGENT_SOCKET + ABOVE, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	*n_files = 0;
	if (c && c->cmsg_type == SCM_RIGHTS) {
		int given[AGENT_FILES];
		*n_files = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(given, CMSG_DATA(c), (size_t)*n_files * sizeof(int));
		for (int i = 0; i < *n_files; i++) {
			files[i] = fcntl(given[i], F_DUPFD_CLOEXEC, ABOVE);
			close(given[i]);
		}
	}
	return n > 0 ? (size_t)n : 0;
}

static bool agent_strings(const struct agent_order *o, size_t n, char **ret)
{
	size_t at = sizeof *o;
	if (o->argc < 1 || o->argc > AGENT_STRINGS || o->envc > AGENT_STRINGS || o->argc + o->envc > AGENT_STRINGS)
		return false;
	packet[n] = 0;
	for (uint32_t i = 0; i < o->argc + o->envc; i++) {
		if (at >= n)
			return false;
		ret[i] = packet + at;
		at += strlen(packet + at) + 1;
	}
	return true;
}

static bool agent_serve(void)
{
	struct agent_order o;
	char *strings[AGENT_STRINGS];
	int files[AGENT_FILES], n_files;
	size_t n = agent_take(files, &n_files);
	if (n < sizeof o)
		return false;
	memcpy(&o, packet, sizeof o);
	if (o.verb == AGENT_START && agent_strings(&o, n, strings))
		agent_start(&o, strings, files, n_files);
	else if (o.verb == AGENT_SIGNAL)
		agent_signal(&o);
	for (int i = 0; i < n_files; i++)
		if (files[i] >= 0)
			close(files[i]);
	return true;
}

/* The way out: whoever in the box connects here is heard by the server, outside. */
static int agent_gate(void)
{
	enum { WAITING = 64 };
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(AGENT_GATE_PORT),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, WAITING) == 0;
	if (!ok && fd >= 0)
		close(fd);
	return ok ? fd : -1;
}

static bool agent_ready(bool gate)
{
	static const char word[] = AGENT_READY;
	int files[] = {open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		       open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		       open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC), gate ? agent_gate() : -1};
	size_t size = sizeof files - (gate ? 0 : sizeof *files);
	union {
		char room[CMSG_SPACE(sizeof files)];
		struct cmsghdr align;
	} control = {0};
	struct iovec io = {(char *)(uintptr_t)word, sizeof word - 1};
	struct msghdr m = {
	    .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), files, size);
	m.msg_controllen = CMSG_SPACE(size);
	bool ok = sendmsg(AGENT_SOCKET + ABOVE, &m, MSG_NOSIGNAL) > 0;
	for (size_t i = 0; i < size / sizeof *files; i++)
		close(files[i]);
	return ok;
}

static int agent_main(bool gate)
{
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	prctl(PR_SET_DUMPABLE, 0);
	umask(022);
	if (dup3(AGENT_SOCKET, AGENT_SOCKET + ABOVE, O_CLOEXEC) < 0)
		return 1;
	struct pollfd on[] = {{.fd = AGENT_SOCKET + ABOVE, .events = POLLIN},
			      {.fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN}};
	int high = fcntl(on[1].fd, F_DUPFD_CLOEXEC, ABOVE);
	close(on[1].fd);
	on[1].fd = high;
	close_range(0, ABOVE - 1, 0);
	if (high < 0 || !agent_ready(gate))
		return 1;
	for (;;) {
		struct signalfd_siginfo info;
		if (poll(on, 2, -1) < 0)
			continue;
		if (on[1].revents && read(high, &info, sizeof info) > 0)
			agent_reap();
		if (on[0].revents && !agent_serve())
			return 0;
	}
}

/* --- the room ---------------------------------------------------------------------------------------------- */

/* The folders lie where only root may walk, and the box is built by another user: so they are bound to where that user
 * may. Where root may not mount (a container), COMMAND gets their own names instead, and says so if it cannot reach
 * them. */
static int room_main(int argc, char **argv)
{
	int n = (int)strtol(argv[2], NULL, 10), files[256];
	char name[64], door[64];
	if (n < 0 || n > 256 || argc < n + 5)
		return 2;
	bool ok = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
	for (int i = 0; i < n; i++) /* before /mnt is covered; and in the new name space, or they could not be bound */
		files[i] = open(argv[3 + i], O_PATH | O_CLOEXEC);
	ok = ok && mount("none", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0755") == 0;
	char **command = argv + n + 4;
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "/mnt/%d", i);
		snprintf(door, sizeof door, "/proc/self/fd/%d", files[i]);
		struct stat st;
		bool file = fstat(files[i], &st) == 0 && !S_ISDIR(st.st_mode);
		if (ok && (file ? close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)) : mkdir(name, 0755)) == 0 &&
		    mount(door, name, NULL, MS_BIND, NULL) == 0)
			continue;
		for (char **arg = command; *arg; arg++)
			if (strcmp(*arg, name) == 0)
				*arg = argv[3 + i];
	}
	fcntl(ROOM_FD, F_SETFD, FD_CLOEXEC);
	execv(command[0], command);
	perror(command[0]);
	return 127;
}

int main(int argc, char **argv)
{
	return argc > 3 && strcmp(argv[1], "room") == 0 ? room_main(argc, argv)
							 : agent_main(argc == 2 && strcmp(argv[1], AGENT_GATE) == 0);
}
