/* box.c - one box that stays. */
#include "session/box.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "sandbox/filter.h"
#include "sandbox/walls.h"
#include "session/agent.h"
#include "session/gate.h"
#include "session/limits.h"

enum { TICK_MS = 50, MB = 1 << 20 };
_Static_assert((int)AGENT_GATE_PORT == (int)SESSION_GATE_PORT, "the agent listens where programs are told");

/* What interpreters and programs look for in /etc, and nothing of it is the host's own. */
static const char *const box_system[] = {
    "/etc/alternatives",  "/etc/ld.so.cache", "/etc/ld.so.conf",   "/etc/ld.so.conf.d",
    "/etc/localtime",     "/etc/mime.types",  "/etc/ssl/certs",    "/etc/ssl/openssl.cnf",
    "/etc/python3",       "/etc/python3.11",  "/etc/matplotlibrc", "/etc/ImageMagick-6",
    "/etc/nsswitch.conf", "/etc/magic",       "/etc/perl",         "/etc/libreoffice"};

int64_t box_address_space(int64_t memory)
{
	return 2 * memory + (1LL << 30);
}

/* --- its command line -------------------------------------------------------------------------------------- */

struct box_line {
	struct walls walls;
	struct box_policy policy;
	struct box_mount mounts[BOX_MORE];
	char places[BOX_MORE][16], count[16]; /* "/mnt/3" */
	const char *argv[WALLS_ARGS + BOX_MORE + 8];
	bool gate;
};

static void box_mount(struct box_line *l, const char *from, const char *to, bool write)
{
	if (l->policy.n_more == BOX_MORE)
		return;
	l->mounts[l->policy.n_more++] = (struct box_mount){from, to, write, false};
}

static void box_line_walls(struct box_line *l)
{
	walls_build(&l->walls, &l->policy, false);
	walls_add(&l->walls, "/program");
	if (l->gate)
		walls_add(&l->walls, AGENT_GATE);
}

/* As root the folders are reached through a room of our own (agent_main.c). */
static const char *const *box_line_room(struct box_line *l)
{
	size_t n = 0, folders = 0;
	if (geteuid() != 0)
		return l->walls.argv;
	l->argv[n++] = "/proc/self/fd/5";
	l->argv[n++] = "room";
	l->argv[n++] = l->count;
	for (size_t i = 0; i < l->policy.n_more; i++)
		if (!l->mounts[i].maybe) {
			l->argv[n++] = l->mounts[i].from;
			snprintf(l->places[folders], sizeof l->places[0], "/mnt/%zu", folders);
			l->mounts[i].from = l->places[folders++];
		}
	snprintf(l->count, sizeof l->count, "%zu", folders);
	l->argv[n++] = "--";
	box_line_walls(l);
	for (size_t i = 0; l->walls.argv[i]; i++)
		l->argv[n++] = l->walls.argv[i];
	l->argv[n] = NULL;
	return l->argv;
}

static const char *const *box_line_make(struct box_line *l, const struct session_where *w, const char *python,
					int64_t memory)
{
	l->policy = (struct box_policy){.memory = box_address_space(memory),
					.cpu_seconds = session_limits.cpu_seconds,
					.file_bytes = session_limits.file_bytes,
					.tmp_bytes = session_limits.tmp_bytes,
					.processes = session_limits.processes,
					.open_files = session_limits.open_files,
					.proc = true,
					.program = true,
					.stays = true,
					.more = l->mounts};
	for (size_t i = 0; i < sizeof box_system / sizeof *box_system; i++)
		l->mounts[l->policy.n_more++] = (struct box_mount){box_system[i], box_system[i], false, true};
	box_mount(l, w->folder, "/mnt/data", true);
	if (python)
		box_mount(l, python, python, false);
	for (size_t i = 0; i < w->n_mounts; i++)
		box_mount(l, w->mounts[i].from, w->mounts[i].to, false);
	l->gate = w->gate != NULL;
	box_line_walls(l);
	return box_line_room(l);
}

/* --- its life ---------------------------------------------------------------------------------------------- */

static void box_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

static bool box_launch(struct box *b, const char *const *argv, struct err *e)
{
	enum { OURS, THEIRS, NONE, FILTER, PROGRAM, FDS };
	int fd[FDS] = {-1, -1, open("/dev/null", O_RDWR | O_CLOEXEC), filter_open(e),
		       process_memory((struct str){(const char *)agent_bytes, agent_bytes_n})};
	b->words = memfd_create("words", MFD_CLOEXEC);
	bool ok = fd[NONE] >= 0 && fd[FILTER] >= 0 && fd[PROGRAM] >= 0 && b->words >= 0 &&
		  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0;
	if (!ok)
		fail(e, ERR_UNAVAILABLE, NULL, "no descriptors for a box: %m");
	ok = ok && process_start(&b->process, argv,
				 &(struct process_files){.in = fd[THEIRS],
							 .out = fd[NONE],
							 .err = b->words,
							 .more = {fd[FILTER], fd[PROGRAM], fd[PROGRAM]},
							 .n_more = geteuid() ? 2 : 3},
				 e);
	b->line.socket = ok ? fd[OURS] : -1;
	int yes = 1;
	if (ok) /* who says that it is there is the box's init */
		setsockopt(fd[OURS], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
	for (int i = ok ? (int)THEIRS : OURS; i < FDS; i++)
		box_close(fd[i]);
	return ok;
}

/* The one who asked for the box waits until it is ready: so long the gate itself is there. */
static void box_take_gate(struct box *b, const struct session_gate *gate)
{
	if (!gate)
		return;
	assert(gate->n_env <= SESSION_GATE_ENV);
	b->gate = gate;
	b->close = gate->close;
	b->env = xalloc((gate->n_env + 1) * sizeof(char *));
	for (size_t i = 0; i < gate->n_env; i++)
		b->env[i] = memcpy(xalloc(strlen(gate->env[i]) + 1), gate->env[i], strlen(gate->env[i]) + 1);
}

struct box *box_build(const struct session_where *w, const char *python, struct err *e)
{
	struct box *b = xalloc(sizeof *b);
	struct box_line *l = xalloc(sizeof *l);
	b->line.socket = b->init = b->words = b->proc = b->tmp = b->shm = -1;
	b->memory = w->memory ? w->memory : session_limits.memory;
	atomic_store(&b->holders, 1);
	bool ok = strlen(w->folder) < sizeof b->folder &&
		  w->n_mounts + 3 + sizeof box_system / sizeof *box_system <= BOX_MORE;
	if (ok) {
		memcpy(b->folder, w->folder, strlen(w->folder) + 1);
		box_take_gate(b, w->gate);
	} else
		fail(e, ERR_UNAVAILABLE, NULL, "a box cannot have so many folders");
	ok = ok && box_launch(b, box_line_make(l, w, python, b->memory), e);
	xfree(l);
	if (ok)
		return b;
	b->reaped = true;
	box_drop(b);
	return NULL;
}

void box_hold(struct box *b)
{
	atomic_fetch_add(&b->holders, 1);
}

void box_drop(struct box *b)
{
	if (atomic_fetch_sub(&b->holders, 1) > 1)
		return;
	if (b->opened)
		b->close(b->opened);
	for (char **env = b->env; env && *env; env++)
		xfree(*env);
	xfree(b->env);
	const int fds[] = {b->line.socket, b->init, b->words, b->proc, b->tmp, b->shm};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		box_close(fds[i]);
	xfree(b);
}

void box_kill(struct box *b, enum box_why why)
{
	int lives = BOX_LIVES;
	if (!atomic_compare_exchange_strong(&b->why, &lives, (int)why))
		return;
	/* By the pidfd, since another thread may just reap it. The box dies with its parent. */
	if (b->process.pidfd < 0 || syscall(SYS_pidfd_send_signal, b->process.pidfd, SIGKILL, NULL, 0))
		shutdown(b->line.socket, SHUT_RDWR);
}

/* --- the agent --------------------------------------------------------------------------------------------- */

/* What bubblewrap said instead: the machine permits boxes (host.h), so it is about this one. */
static bool box_explain(struct box *b, struct err *e)
{
	char words[160];
	ssize_t n = pread(b->words, words, sizeof words, 0);
	struct str said = str_trim((struct str){words, n > 0 ? (size_t)n : 0});
	for (ssize_t i = 0; i < n; i++)
		if (words[i] < ' ' || words[i] > '~')
			words[i] = ' ';
	return fail(e, ERR_UNAVAILABLE, NULL, "a box could not be started: %.*s", FMT(said));
}

static bool box_greet(struct box *b)
{
	int files[4], pid = 0;
	if (!order_greeting(&b->line, files, b->gate ? 4 : 3, &pid))
		return false;
	b->proc = files[0];
	b->tmp = files[1];
	b->shm = files[2];
	b->init = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (b->gate)
		b->opened = b->gate->open(b->gate, files[3]);
	bool ok = !b->gate || b->opened;
	b->gate = NULL;
	return ok;
}

bool box_ready(struct box *b, int64_t until_us, const _Atomic bool *stop, struct err *e)
{
	for (;;) {
		struct pollfd on = {.fd = b->line.socket, .events = POLLIN};
		int n = poll(&on, 1, TICK_MS);
		if (n > 0)
			return box_greet(b) || box_explain(b, e);
		if (atomic_load(&b->why) != BOX_LIVES)
			return box_explain(b, e);
		if (stop && atomic_load(stop))
			return fail(e, ERR_REQUEST_TIMEOUT, NULL, "cancelled");
		if (clock_mono_us() > until_us)
			return fail(e, ERR_UNAVAILABLE, NULL, "a box did not start within %lld seconds",
				    (long long)session_limits.start_ms / 1000);
	}
}

void box_say_why(const struct box *b, char *ret)
{
	static const char *const whys[] = {
	    [BOX_LIVES] = "The interpreter was killed.",
	    [BOX_DIED] = "Its box died.",
	    [BOX_TIME] = "Killed: it did not stop when its time was over.",
	    [BOX_DISK] = "Killed: the disk of the server is almost full.",
	    [BOX_IDLE] = "It was not used for a long time and was ended.",
	    [BOX_ROOM] = "It was ended to make room for others.",
	    [BOX_CROWDED] = "It was ended, since too many programs were left running in it.",
	    [BOX_ENDED] = "It was ended.",
	};
	int why = atomic_load(&b->why);
	if (why == BOX_MEMORY)
		snprintf(ret, 160, "Killed: more than %lld MB of memory were used.", (long long)(b->memory / MB));
	else if (why == BOX_FOLDER)
		snprintf(ret, 160, "Killed: /mnt/data may hold %lld files and folders, %lld MB, and folders %lld deep.",
			 (long long)session_limits.folder_files, (long long)(session_limits.folder_bytes / MB),
			 (long long)session_limits.folder_depth);
	else
		snprintf(ret, 160, "%s", whys[why]);
}
