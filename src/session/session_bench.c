/* session_bench.c - what sessions cost: session_bench [PACKAGES [PRELOADED]].
 *
 * Milliseconds are medians. Memory is the growth of what the machine has in use, all that belongs to boxes included.
 * Without PACKAGES (the folder of a virtual environment) Python has what the system has. The last row kills a process
 * with boxes, and counts what is left of it after three seconds. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "session/limits.h"
#include "session/python.h"
#include "session/session.h"
#include "session/share.h"
#include "session/shell.h"

enum { ROUNDS = 40, MANY = 100, MB = 1 << 20 };

static struct sessions *bench_all;
static struct str bench_packages;
static char bench_top[] = "/tmp/antiphon-bench-XXXXXX";
static int64_t bench_key;

static void bench_hear(void *ctx, enum session_kind kind, struct str bytes)
{
	(void)kind;
	*(bool *)ctx = bytes.n != 0;
}

static double bench_run(int64_t key, const char *code)
{
	char folder[128];
	bool heard = false;
	struct session_ears ears = {bench_hear, &heard};
	struct session_result r;
	struct err e = {0};
	snprintf(folder, sizeof folder, "%s/%lld", bench_top, (long long)key);
	if (!share_make(folder, &e))
		exit(1);
	struct session_where w = {.key = key, .folder = folder};
	int64_t before = clock_mono_us();
	if (!session_python(bench_all, &w, str_of(code), 60000, NULL, &ears, &r, &e) || r.end != SESSION_OK || !heard) {
		fprintf(stderr, "a call failed: %s %s\n", e.msg, r.why);
		exit(1);
	}
	return (double)(clock_mono_us() - before) / 1000;
}

static int bench_order(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void bench_say(const char *what, double *ms, int n)
{
	qsort(ms, (size_t)n, sizeof *ms, bench_order);
	printf("%-58s %8.2f ms   (largest %.2f)\n", what, ms[n / 2], ms[n - 1]);
	fflush(stdout);
}

static int64_t bench_used(void)
{
	char line[128];
	long long total = 0, free_kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, "MemTotal:", 9) == 0)
			total = strtoll(line + 9, NULL, 10);
		if (strncmp(line, "MemAvailable:", 13) == 0)
			free_kb = strtoll(line + 13, NULL, 10);
	}
	if (f)
		fclose(f);
	return (total - free_kb) * 1024;
}

struct bench_lot {
	pthread_t thread;
	int64_t key;
};

static void *bench_lot_run(void *arg)
{
	bench_run(((struct bench_lot *)arg)->key, "1 + 1");
	return NULL;
}

static void bench_many(void)
{
	struct bench_lot lots[MANY];
	int64_t before = bench_used(), start = clock_mono_us();
	for (int i = 0; i < MANY; i++) {
		lots[i].key = ++bench_key;
		pthread_create(&lots[i].thread, NULL, bench_lot_run, &lots[i]);
	}
	for (int i = 0; i < MANY; i++)
		pthread_join(lots[i].thread, NULL);
	double s = (double)(clock_mono_us() - start) / 1e6;
	double mb = (double)(bench_used() - before) / MB;
	printf("%-58s %8.2f s, %.0f MB (%.1f MB each)\n", "100 sessions at once, all answered; memory", s, mb,
	       mb / MANY);
}

static void bench_shell(void)
{
	double ms[ROUNDS];
	char folder[128];
	struct session_shell r;
	struct err e = {0};
	int64_t key = ++bench_key;
	kept_init(&r.out, 4096);
	kept_init(&r.err, 4096);
	bench_run(key, "1");
	snprintf(folder, sizeof folder, "%s/%lld", bench_top, (long long)key);
	struct session_where w = {.key = key, .folder = folder};
	for (int i = 0; i < ROUNDS; i++) {
		int64_t before = clock_mono_us();
		if (!session_shell(bench_all, &w, S("echo hello"), 10000, NULL, &r, &e) || r.exit_code)
			exit(1);
		ms[i] = (double)(clock_mono_us() - before) / 1000;
	}
	bench_say("a command of a shell in a session", ms, ROUNDS);
	kept_release(&r.out);
	kept_release(&r.err);
}

/* Every process of a box holds a pipe, whose end comes with the last of them. */
static void bench_killed(void)
{
	enum { BOXES = 5 };
	static const char code[] =
	    "import os, subprocess\nos.open('p', os.O_WRONLY); os.set_inheritable(os.open('p', os.O_WRONLY), True)\n"
	    "subprocess.Popen(['/bin/sh', '-c', 'setsid sleep 1000 & sleep 1000'], close_fds=False)\n1";
	int ready[2], status, held[BOXES], left = BOXES;
	char byte, path[128];
	struct err e = {0};
	if (pipe(ready))
		exit(1);
	for (int i = 0; i < BOXES; i++) {
		snprintf(path, sizeof path, "%s/%d", bench_top, 900000 + i);
		share_make(path, &e);
		snprintf(path, sizeof path, "%s/%d/p", bench_top, 900000 + i);
		if (mkfifo(path, 0600) || chmod(path, 0666))
			exit(1);
		held[i] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	pid_t server = fork();
	if (server == 0) {
		bench_all = sessions_open(&(struct session_options){bench_packages});
		for (int i = 0; i < BOXES; i++)
			bench_run(900000 + i, code);
		if (write(ready[1], "!", 1) != 1)
			_exit(1);
		pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		exit(1);
	int64_t start = clock_mono_us();
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	for (int i = 0; i < BOXES; i++) {
		struct pollfd on = {.fd = held[i]};
		while (poll(&on, 1, 10) == 0 && clock_mono_us() - start < 3000000)
			;
		left -= (on.revents & POLLHUP) != 0;
		close(held[i]);
	}
	printf("%-58s %8.2f ms, boxes left: %d\n", "all of 5 boxes gone after kill -9 of the server",
	       (double)(clock_mono_us() - start) / 1000, left);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	double ms[ROUNDS];
	struct err e = {0};
	bench_packages = argc > 1 ? str_of(argv[1]) : (struct str){0};
	session_limits.max = 400;
	if (!mkdtemp(bench_top))
		return 1;
	bench_killed();
	bench_all = sessions_open(&(struct session_options){bench_packages});
	bench_run(++bench_key, "1");
	sleep(2);
	for (int i = 0; i < ROUNDS; i++)
		ms[i] = bench_run(++bench_key, "1 + 1");
	bench_say("first result of a fresh container, one after another", ms, ROUNDS);
	for (int i = 0; i < ROUNDS / 4; i++) {
		usleep(400000);
		ms[i] = bench_run(++bench_key, "1 + 1");
	}
	bench_say("first result of a fresh container, from the pool", ms, ROUNDS / 4);
	for (int i = 0; i < ROUNDS; i++)
		ms[i] = bench_run(1, "1 + 1");
	bench_say("a call in a session that is there", ms, ROUNDS);
	bench_shell();
	if (bench_packages.n) {
		for (int i = 0; i < ROUNDS / 4; i++)
			ms[i] = bench_run(++bench_key,
					  "import numpy, pandas, matplotlib.pyplot as plt\nnumpy.arange(3).sum()");
		bench_say("first result that needs numpy, pandas and matplotlib", ms, ROUNDS / 4);
	}
	bench_many();
	sessions_close(bench_all);
	share_erase(bench_top, &e);
	return 0;
}
