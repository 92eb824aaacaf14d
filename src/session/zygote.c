/* zygote.c - the process that has the packages loaded. */
#include "session/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/filter.h"
#include "sandbox/walls.h"
#include "session/agent.h"
#include "session/limits.h"

enum { TICK_MS = 50, WORDS = 300 };

bool zygote_launch(struct zygote *z, const char *program, struct err *e)
{
	static const char boot[] = "exec(compile(open(5,encoding='utf-8').read(),'<zygote>','exec'))";
	const char *const args[] = {program, "-I", "-B", "-c", boot};
	enum { OURS, THEIRS, NONE, FILTER, DRIVER, ZYGOTE, FDS };
	struct walls w;
	int fd[FDS] = {-1,
		       -1,
		       open("/dev/null", O_RDWR | O_CLOEXEC),
		       filter_open(e),
		       process_memory((struct str){(const char *)driver_bytes, driver_bytes_n}),
		       process_memory((struct str){(const char *)zygote_bytes, zygote_bytes_n})};
	walls_begin(&w);
	for (size_t i = 0; i < sizeof args / sizeof *args; i++)
		walls_add(&w, args[i]);
	z->words = memfd_create("words", MFD_CLOEXEC);
	bool ok = fd[NONE] >= 0 && fd[FILTER] >= 0 && fd[DRIVER] >= 0 && fd[ZYGOTE] >= 0 && z->words >= 0 &&
		  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0 &&
		  process_start(&z->process, w.argv,
				&(struct process_files){.in = fd[THEIRS],
							.out = fd[NONE],
							.err = z->words,
							.more = {fd[FILTER], fd[DRIVER], fd[ZYGOTE]},
							.n_more = 3},
				e);
	z->line.socket = ok ? fd[OURS] : -1;
	z->started = ok;
	for (int i = ok ? (int)THEIRS : (int)OURS; i < FDS; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return ok || fail(e, ERR_UNAVAILABLE, NULL, "no descriptors for a process that has the packages: %m");
}

bool zygote_ready(struct zygote *z, const _Atomic bool *stop, struct err *e)
{
	int64_t until = clock_mono_us() + 2000 * session_limits.start_ms;
	while (z->started && !atomic_load(&z->ready)) {
		struct pollfd on = {.fd = z->line.socket, .events = POLLIN};
		char words[WORDS];
		if (poll(&on, 1, TICK_MS) > 0) {
			atomic_store(&z->ready, order_greeting(&z->line, NULL, 0, NULL));
			if (atomic_load(&z->ready))
				break;
		} else if (clock_mono_us() < until && !(stop && atomic_load(stop)))
			continue;
		ssize_t n = pread(z->words, words, sizeof words,
				  lseek(z->words, 0, SEEK_END) > WORDS ? lseek(z->words, 0, SEEK_END) - WORDS : 0);
		struct str said = str_trim((struct str){words, n > 0 ? (size_t)n : 0});
		return fail(e, ERR_UNAVAILABLE, NULL, "the packages could not be loaded: %.*s", FMT(said));
	}
	return z->started;
}

bool zygote_start(struct zygote *z, const struct box *b, const char *const *env, const int *files, int n,
		  struct order_program *ret)
{
	char bounds[200];
	const char *argv[] = {"python", bounds, NULL};
	int all[ORDER_FILES] = {b->init};
	snprintf(bounds, sizeof bounds, "AS=%lld CPU=%lld FSIZE=%lld NOFILE=%lld NPROC=%lld CORE=0",
		 (long long)box_address_space(b->memory), (long long)session_limits.cpu_seconds,
		 (long long)session_limits.file_bytes, (long long)session_limits.open_files,
		 (long long)session_limits.processes);
	for (int i = 0; i < n && i + 1 < ORDER_FILES; i++)
		all[i + 1] = files[i];
	if (!z || !atomic_load(&z->ready) || b->init < 0)
		return false;
	if (order_start(&z->line, argv, env, all, n + 1, ret))
		return true;
	if (errno == EPIPE || errno == ECONNRESET)
		atomic_store(&z->ready, false); /* it is gone: from now on packages are loaded in boxes */
	return false;
}

void zygote_bury(struct zygote *z)
{
	atomic_store(&z->ready, false);
	if (z->started)
		process_kill(&z->process);
	z->started = false;
}

void zygote_end(struct zygote *z)
{
	zygote_bury(z);
	if (z->line.socket >= 0)
		close(z->line.socket);
	if (z->words >= 0)
		close(z->words);
}
