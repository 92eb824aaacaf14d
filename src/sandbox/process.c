/* process.c - a program of the system, waited for with a deadline. */
#include "sandbox/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/policy.h"

enum { ABOVE = 16, TICK_MS = 100, BLIND_TICK_MS = 5 };

bool process_start(struct process *p, const char *const *argv, const struct process_files *f, struct err *e)
{
	static char *const no_environment[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&files, f->in, 0);
	posix_spawn_file_actions_adddup2(&files, f->out, 1);
	if (f->err >= 0)
		posix_spawn_file_actions_adddup2(&files, f->err, 2);
	else
		posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	int n = 3;
	for (; n < 3 + f->n_more; n++)
		posix_spawn_file_actions_adddup2(&files, f->more[n - 3], n);
	posix_spawn_file_actions_addclosefrom_np(&files, n); /* whoever started us may have left some open */
	posix_spawn_file_actions_addchdir_np(&files, "/");
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	int rc = posix_spawn(&p->pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, no_environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	p->pidfd = rc ? -1 : (int)syscall(SYS_pidfd_open, p->pid, 0);
	errno = rc;
	return rc == 0 || fail(e, ERR_CONFIG, NULL, "%s cannot be started: %m", argv[0]);
}

/* true: it is no more, and its pid is free again. Before that its group cannot be anybody else's. */
static bool process_reap(struct process *p, int *status)
{
	siginfo_t info = {0};
	if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
		return false;
	kill(-p->pid, SIGKILL);
	while (waitpid(p->pid, status, 0) < 0 && errno == EINTR)
		;
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->pidfd = -1;
	return true;
}

bool process_wait(struct process *p, int64_t until_us, const _Atomic bool *cancelled, int *status, struct err *e)
{
	*status = -1;
	while (!process_reap(p, status)) {
		struct pollfd on = {.fd = p->pidfd, .events = POLLIN};
		if (cancelled && atomic_load(cancelled))
			return fail(e, ERR_REQUEST_TIMEOUT, NULL, "cancelled");
		if (clock_mono_us() > until_us)
			return fail(e, ERR_REQUEST_TIMEOUT, NULL, "it did not end in time");
		poll(&on, 1, p->pidfd >= 0 ? TICK_MS : BLIND_TICK_MS);
	}
	return true;
}

void process_kill(struct process *p)
{
	struct err late = {0};
	int status;
	kill(-p->pid, SIGKILL);
	if (!process_wait(p, clock_mono_us() + sandbox_limits.kill_ms * 1000, NULL, &status, &late) && p->pidfd >= 0)
		close(p->pidfd); /* stuck in the kernel: nothing ends it */
}

int process_memory(struct str bytes)
{
	int low = memfd_create("box", MFD_CLOEXEC), fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, ABOVE);
	if (low >= 0)
		close(low);
	while (fd >= 0 && bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR) {
			close(fd);
			return -1;
		}
		bytes.p += n > 0 ? n : 0;
		bytes.n -= n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}
