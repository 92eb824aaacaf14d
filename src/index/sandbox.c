/* sandbox.c - a program of the system run over foreign bytes, where it can reach nothing. */
#include "index/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { ARGS = 80, TICK_MS = 100, OPEN_FILES = 64, PROCESSES = 16, FILE_BYTES = 64 << 20 };

bool sandbox_limits_only;

struct command {
	const char *argv[ARGS];
	size_t n;
	char numbers[6][48]; /* what is printed for it */
};

static void add(struct command *c, const char *arg)
{
	if (c->n < ARGS - 1)
		c->argv[c->n++] = arg;
}

/* /lib and its like are links into /usr, or folders of their own on systems that did not merge them. */
static void add_root(struct command *c, const char *path, const char *target)
{
	struct stat st;
	if (lstat(path, &st))
		return;
	add(c, S_ISLNK(st.st_mode) ? "--symlink" : "--ro-bind");
	add(c, S_ISLNK(st.st_mode) ? target : path);
	add(c, path);
}

static void add_walls(struct command *c)
{
	static const char *const walls[] = {
	    "/usr/bin/bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--setenv", "PATH",
	    "/usr/bin", "--ro-bind", "/usr", "/usr", "--ro-bind-try", "/etc/fonts", "/etc/fonts", "--ro-bind-try",
	    "/var/cache/fontconfig", "/var/cache/fontconfig", "--tmpfs", "/tmp", "--dev", "/dev", "--chdir", "/tmp"};
	for (size_t i = 0; i < sizeof walls / sizeof *walls; i++)
		add(c, walls[i]);
	add_root(c, "/lib", "usr/lib");
	add_root(c, "/lib64", "usr/lib64");
	add_root(c, "/bin", "usr/bin");
	add(c, "--");
}

static void add_bounds(struct command *c, const struct sandbox *s)
{
	snprintf(c->numbers[0], sizeof c->numbers[0], "--as=%lld", (long long)s->memory);
	snprintf(c->numbers[1], sizeof c->numbers[1], "--cpu=%lld", (long long)s->seconds);
	snprintf(c->numbers[2], sizeof c->numbers[2], "--fsize=%d", FILE_BYTES);
	snprintf(c->numbers[3], sizeof c->numbers[3], "--nofile=%d", OPEN_FILES);
	snprintf(c->numbers[4], sizeof c->numbers[4], "--nproc=%d", PROCESSES);
	add(c, "/usr/bin/prlimit");
	for (int i = 0; i < (sandbox_limits_only ? 4 : 5); i++) /* outside, processes are counted for the whole user */
		add(c, c->numbers[i]);
	add(c, "--core=0");
}

/* --- one process ----------------------------------------------------------------------------------------- */

static int input_of(struct str bytes)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
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

static bool spawn(const struct command *c, int in, int out, pid_t *pid)
{
	static char *const no_environment[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&files, in, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	bool ok = posix_spawn(pid, c->argv[0], &files, &attr, (char *const *)(uintptr_t)c->argv, no_environment) == 0;
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return ok;
}

/* Until it closes its output. false: it has to be killed. */
static bool collect(const struct sandbox *s, int from, struct buf *out, struct err *e)
{
	int64_t until = clock_mono_us() + s->seconds * 1000000;
	char piece[65536];
	for (;;) {
		struct pollfd p = {.fd = from, .events = POLLIN};
		if (s->cancelled && atomic_load(s->cancelled))
			return fail(e, ERR_REQUEST_TIMEOUT, NULL, "cancelled");
		if (clock_mono_us() > until)
			return fail(e, ERR_REQUEST_TIMEOUT, NULL, "took longer than %lld seconds", (long long)s->seconds);
		if (poll(&p, 1, TICK_MS) <= 0)
			continue;
		ssize_t n = read(from, piece, sizeof piece);
		if (n == 0)
			return true;
		if (n < 0)
			continue;
		buf_add(out, (struct str){piece, (size_t)n});
		if (out->over)
			return false;
	}
}

static bool run(const struct sandbox *s, const struct command *c, struct buf *out, int *status, struct err *e)
{
	int pipes[2], in = input_of(s->input);
	pid_t pid;
	if (in < 0 || pipe2(pipes, O_CLOEXEC)) {
		if (in >= 0)
			close(in);
		return fail(e, ERR_INTERNAL, NULL, "no descriptors for a sandbox: %m");
	}
	bool ok = spawn(c, in, pipes[1], &pid) || fail(e, ERR_CONFIG, NULL, "%s cannot be started: %m", c->argv[0]);
	close(in);
	close(pipes[1]);
	if (ok) {
		if (!collect(s, pipes[0], out, e))
			kill(-pid, SIGKILL);
		while (waitpid(pid, status, 0) < 0 && errno == EINTR)
			;
	}
	close(pipes[0]);
	return ok && !e->code;
}

/* --- is it permitted here? ------------------------------------------------------------------------------- */

static bool permitted;

static void probe(void)
{
	struct sandbox s = {.argv = {"/usr/bin/true"}, .seconds = 10, .memory = 1 << 30};
	struct command c = {0};
	struct buf out;
	struct err e = {0};
	int status = 1;
	buf_init(&out, 4096);
	add_walls(&c);
	add_bounds(&c, &s);
	add(&c, s.argv[0]);
	permitted = access("/usr/bin/prlimit", X_OK) == 0 && run(&s, &c, &out, &status, &e) && status == 0;
	buf_release(&out);
}

bool sandbox_run(const struct sandbox *s, struct buf *out, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct command c = {0};
	int status = 0;
	if (access(s->argv[0], X_OK))
		return fail(e, ERR_CONFIG, NULL, "%s is not installed", s->argv[0]);
	if (!sandbox_limits_only) {
		pthread_once(&once, probe);
		if (!permitted)
			return fail(e, ERR_CONFIG, NULL,
				    "bubblewrap is not installed or not permitted here (with api.sandbox: limits the program "
				    "runs with bounds alone)");
		add_walls(&c);
	}
	add_bounds(&c, s);
	for (int i = 0; s->argv[i]; i++)
		add(&c, s->argv[i]);
	if (!run(s, &c, out, &status, e))
		return false;
	return out->over || status == 0 || fail(e, ERR_FILE_PARSE, NULL, "the file is damaged or protected");
}
