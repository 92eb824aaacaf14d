/* walls.c - the command line that puts a program into a box. */
#include "sandbox/walls.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void walls_add(struct walls *w, const char *arg)
{
	assert(w->n < WALLS_ARGS - 1);
	w->argv[w->n++] = arg;
	w->argv[w->n] = NULL;
}

static void walls_add_all(struct walls *w, const char *const *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		walls_add(w, args[i]);
}

__attribute__((format(printf, 2, 3))) static void walls_add_number(struct walls *w, const char *fmt, ...)
{
	va_list ap;
	assert(w->n_numbers < WALLS_NUMBERS);
	char *to = w->numbers[w->n_numbers++];
	va_start(ap, fmt);
	vsnprintf(to, sizeof w->numbers[0], fmt, ap);
	va_end(ap);
	walls_add(w, to);
}

/* /lib and its like are links into /usr, or folders of their own on systems that did not merge them. */
static void walls_add_root(struct walls *w, const char *path, const char *target)
{
	struct stat st;
	if (lstat(path, &st))
		return;
	walls_add(w, S_ISLNK(st.st_mode) ? "--symlink" : "--ro-bind");
	walls_add(w, S_ISLNK(st.st_mode) ? target : path);
	walls_add(w, path);
}

/* A bwrap that keeps root's uid would need root's capabilities, too; and what escapes would be root. */
void walls_begin(struct walls *w)
{
	static const char *const drop[] = {"--clear-groups", "--inh-caps=-all", "--no-new-privs", "--"};
	*w = (struct walls){0};
	if (geteuid() != 0)
		return;
	walls_add(w, "/usr/bin/setpriv");
	walls_add_number(w, "--reuid=%lld", (long long)sandbox_limits.uid);
	walls_add_number(w, "--regid=%lld", (long long)sandbox_limits.uid);
	walls_add_all(w, drop, sizeof drop / sizeof *drop);
}

/* A file system in memory has a size, or nothing can be written into it. */
static void walls_add_memory(struct walls *w, const char *path, int64_t size)
{
	if (size > 0) {
		walls_add(w, "--size");
		walls_add_number(w, "%lld", (long long)size);
	}
	walls_add(w, size > 0 ? "--tmpfs" : "--dir");
	walls_add(w, path);
}

static void walls_add_mount(struct walls *w, const struct box_mount *m)
{
	walls_add(w, m->write ? "--bind" : m->maybe ? "--ro-bind-try" : "--ro-bind");
	walls_add(w, m->from);
	walls_add(w, m->to);
}

static void walls_add_mounts(struct walls *w, const struct box_policy *p)
{
	for (size_t i = 0; i < p->n_mounts; i++)
		walls_add_mount(w, &p->mounts[i]);
	for (size_t i = 0; i < p->n_more; i++)
		walls_add_mount(w, &p->more[i]);
}

static void walls_add_bubblewrap(struct walls *w, const struct box_policy *p)
{
	static const char *const begin[] = {"/usr/bin/bwrap",
					    "--unshare-all",
					    "--unshare-user",
					    "--die-with-parent",
					    "--new-session",
					    "--cap-drop",
					    "ALL",
					    "--clearenv",
					    "--setenv",
					    "PATH",
					    "/usr/bin",
					    "--setenv",
					    "LC_ALL",
					    "C.UTF-8",
					    "--hostname",
					    "box",
					    "--ro-bind",
					    "/usr",
					    "/usr",
					    "--ro-bind-try",
					    "/etc/fonts",
					    "/etc/fonts",
					    "--ro-bind-try",
					    "/var/cache/fontconfig",
					    "/var/cache/fontconfig",
					    "--dev",
					    "/dev"};
	static const char *const end[] = {"--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--seccomp"};
	walls_add_all(w, begin, sizeof begin / sizeof *begin);
	walls_add(w, "--uid");
	walls_add_number(w, "%lld", (long long)sandbox_limits.uid);
	walls_add(w, "--gid");
	walls_add_number(w, "%lld", (long long)sandbox_limits.uid);
	walls_add_root(w, "/lib", "usr/lib");
	walls_add_root(w, "/lib64", "usr/lib64");
	walls_add_root(w, "/bin", "usr/bin");
	walls_add_memory(w, "/tmp", p->tmp_bytes);
	if (p->tmp_bytes > 0)
		walls_add_memory(w, "/dev/shm", p->tmp_bytes);
	if (p->proc) {
		walls_add(w, "--proc");
		walls_add(w, "/proc");
	}
	if (p->program) {
		static const char *const data[] = {"--perms", "0555", "--ro-bind-data"};
		walls_add_all(w, data, sizeof data / sizeof *data);
		walls_add_number(w, "%d", WALLS_PROGRAM_FD);
		walls_add(w, "/program");
	}
	walls_add_mounts(w, p);
	if (p->stays)
		walls_add(w, "--as-pid-1");
	walls_add_all(w, end, sizeof end / sizeof *end);
	walls_add_number(w, "%d", WALLS_FILTER_FD);
	walls_add(w, "--");
}

static void walls_add_bounds(struct walls *w, const struct box_policy *p, bool bounds_only)
{
	walls_add(w, "/usr/bin/prlimit");
	walls_add_number(w, "--as=%lld", (long long)p->memory);
	walls_add_number(w, "--cpu=%lld", (long long)p->cpu_seconds);
	walls_add_number(w, "--fsize=%lld", (long long)p->file_bytes);
	walls_add_number(w, "--nofile=%lld", (long long)p->open_files);
	if (!bounds_only) /* outside, processes are counted for the whole user */
		walls_add_number(w, "--nproc=%lld", (long long)p->processes);
	walls_add(w, "--core=0");
}

void walls_build(struct walls *w, const struct box_policy *p, bool bounds_only)
{
	walls_begin(w);
	if (!bounds_only)
		walls_add_bubblewrap(w, p);
	walls_add_bounds(w, p, bounds_only);
}
