/* managed_test.c - the managed engine's life, with a shell script in the place of Python. */
#include "engine/managed.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/test.h"

static struct loop *loop;
static char dir[64];
static struct timer step;

static void write_file(const char *name, const char *text, int mode)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	CHECK(f != NULL);
	fputs(text, f);
	fclose(f);
	chmod(path, (mode_t)mode);
}

static struct str read_file(struct arena *a, const char *name)
{
	char path[128], text[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	if (!f)
		return S("");
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	return str_copy(a, (struct str){text, n});
}

static void make_folder(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	mkdir(path, 0700);
}

static void on_step(struct timer *t)
{
	loop_stop(loop);
}

static void run_ms(int64_t ms)
{
	timer_start(loop, &step, ms, on_step);
	loop_run(loop);
}

/* A folder as the set-up leaves it, whose Python runs `script`. */
static void install(const char *script)
{
	struct err e = {0};
	snprintf(dir, sizeof dir, "/tmp/antiphon-managed-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	make_folder("venv");
	make_folder("venv/bin");
	make_folder("models");
	write_file("engine.py", "", 0600);
	write_file("models/smollm2-135m.gguf", "", 0600);
	write_file("models/My.Own-7B.GGUF", "", 0600);
	write_file("venv/bin/python", script, 0700);
	CHECK(loop_open(&loop, &e));
}

static void uninstall(void)
{
	char command[128];
	loop_close(loop);
	snprintf(command, sizeof command, "rm -r %s", dir);
	CHECK(system(command) == 0);
}

static struct managed_options options(struct arena *a)
{
	return (struct managed_options){.dir = str_of(dir), .launcher = str_fmt(a, "%s/engine.py", dir)};
}

#define RECORD "#!/bin/sh\ncd \"$(dirname \"$0\")/../..\"\necho \"$@\" >>args\necho $$ >>pids\necho \"$OMP_WAIT_POLICY\" >env\n"

static void says_what_is_missing(void)
{
	struct arena a = {0};
	struct err e = {0};
	install(RECORD);
	struct managed_options o = options(&a);
	CHECK(managed_installed(&o, &e));
	o.model = S("/nonexistent/m.gguf");
	CHECK(!managed_installed(&o, &e));
	CHECK_STR(str_of(e.msg), S("the model /nonexistent/m.gguf cannot be read: No such file or directory"));
	o = options(&a);
	o.template = S("/nonexistent/t.jinja");
	e = (struct err){0};
	CHECK(!managed_installed(&o, &e));
	CHECK_STR(str_of(e.msg), S("the chat template /nonexistent/t.jinja cannot be read: No such file or directory"));
	o = options(&a);
	o.dir = S("/nonexistent");
	e = (struct err){0};
	CHECK(!managed_installed(&o, &e));
	CHECK_STR(str_of(e.msg), S("there is no engine in /nonexistent"));
	char path[128];
	snprintf(path, sizeof path, "%s/models/smollm2-135m.gguf", dir);
	unlink(path);
	o = options(&a);
	e = (struct err){0};
	CHECK(!managed_installed(&o, &e) && strstr(e.msg, "default model"));
	arena_free(&a);
	uninstall();
}

static void gives_the_measured_flags(void)
{
	struct arena a = {0};
	struct err e = {0};
	struct managed *m = NULL;
	struct str url = {0}, alias = {0};
	install(RECORD "touch ready\nexec sleep 60\n");
	setenv("XDG_RUNTIME_DIR", dir, 1);
	make_folder("antiphon-999999999-abcdef"); /* no pid is so large: left by one that was killed */
	write_file("antiphon-999999999-abcdef/engine.sock", "", 0600);
	make_folder("antiphon-x-abcdef");
	struct managed_options o = options(&a);
	o.model = str_fmt(&a, "%s/models/My.Own-7B.GGUF", dir);
	o.slots = 3;
	o.context = 1000;
	CHECK(managed_start(loop, &o, &m, &url, &alias, &e));
	CHECK_STR(alias, S("My.Own-7B"));
	CHECK(str_starts(url, str_fmt(&a, "unix:%s/antiphon-%d-", dir, getpid())) && url.n <= 5 + 107);
	CHECK(access(str_fmt(&a, "%s/antiphon-999999999-abcdef", dir).p, F_OK) != 0);
	CHECK(access(str_fmt(&a, "%s/antiphon-x-abcdef", dir).p, F_OK) == 0);
	unsetenv("XDG_RUNTIME_DIR");
	struct str socket = str_copy(&a, (struct str){url.p + 5, url.n - 5});
	for (int i = 0; i < 5000 && !read_file(&a, "env").n; i++)
		run_ms(1);
	char want[300];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	snprintf(want, sizeof want, "%s/engine.py %s/models/My.Own-7B.GGUF %.*s -np 3 -c 3000 -t %ld --alias My.Own-7B\n", dir,
	         dir, FMT(socket), cores > 2 ? cores - 1 : 1);
	CHECK_STR(read_file(&a, "args"), str_of(want));
	CHECK_STR(read_file(&a, "env"), S("passive\n"));
	managed_stop(m);
	CHECK(access(socket.p, F_OK) != 0);
	arena_free(&a);
	uninstall();
}

static int count_lines(struct str s)
{
	int n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static void starts_it_again(void)
{
	struct arena a = {0};
	struct err e = {0};
	struct managed *m = NULL;
	struct str url, alias;
	install(RECORD "echo something broke >&2\nexit 3\n");
	struct managed_options o = options(&a);
	CHECK(managed_start(loop, &o, &m, &url, &alias, &e));
	for (int i = 0; i < 5000 && count_lines(read_file(&a, "pids")) < 3; i++)
		run_ms(5);
	CHECK(count_lines(read_file(&a, "pids")) >= 3);
	managed_stop(m); /* while it waits to start again, or runs */
	arena_free(&a);
	uninstall();
}

/* A stale socket, a child that ignores SIGTERM: neither is in the way. */
static void stops_what_will_not_stop(void)
{
	struct arena a = {0};
	struct err e = {0};
	struct managed *m = NULL;
	struct str url, alias, pid = {0};
	install("#!/bin/sh\ntrap '' TERM\n" "cd \"$(dirname \"$0\")/../..\"\necho $$ >pids\nwhile :; do sleep 1; done\n");
	struct managed_options o = options(&a);
	CHECK(managed_start(loop, &o, &m, &url, &alias, &e));
	for (int i = 0; i < 5000 && !pid.n; i++) {
		run_ms(1);
		pid = read_file(&a, "pids");
	}
	int64_t n = 0;
	CHECK(str_int(str_trim(pid), &n) && kill((pid_t)n, 0) == 0);
	managed_stop(m);
	CHECK(kill((pid_t)n, 0) < 0 && errno == ESRCH);
	arena_free(&a);
	uninstall();
}

int main(void)
{
	static const struct test_case tests[] = {
		{"says what is missing", says_what_is_missing},
		{"gives the measured flags", gives_the_measured_flags},
		{"starts it again", starts_it_again},
		{"stops what will not stop", stops_what_will_not_stop},
	};
	log_setup(LOG_ERROR + 1, false);
	managed_stop(NULL);
	return test_main(tests, sizeof tests / sizeof *tests);
}
