/* host.c - does this machine permit a box? If not: why, and the line that mends it. */
#include "sandbox/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/filter.h"
#include "sandbox/process.h"
#include "sandbox/walls.h"

#define DOCKER                                                                                                         \
	"docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined --security-opt "           \
	"apparmor=unconfined"

/* The first row that fits is told: a word of bubblewrap's, and where one is named a setting of the kernel (proc(5))
 * that has this value, or a file that is there. */
static const struct {
	const char *word, *path, *value, *cause, *cure;
} causes[] = {
    {"", "/proc/sys/user/max_user_namespaces", "0", "user namespaces are switched off (user.max_user_namespaces is 0)",
     "sysctl -w user.max_user_namespaces=15000"},
    {"", "/proc/sys/kernel/unprivileged_userns_clone", "0",
     "user namespaces are switched off (kernel.unprivileged_userns_clone is 0)",
     "sysctl -w kernel.unprivileged_userns_clone=1"},
    {"mount proc", NULL, NULL, "this container hides parts of /proc, so a box cannot have its own",
     "start the container with " DOCKER},
    {"", "/.dockerenv", NULL, "this container does not permit namespaces", "start the container with " DOCKER},
    {"", "/run/.containerenv", NULL, "this container does not permit namespaces",
     "start the container with podman run --security-opt unmask=ALL --security-opt seccomp=unconfined"},
    {"", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
     "AppArmor forbids user namespaces to bubblewrap",
     "apt install apparmor-profiles && ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ "
     "&& "
     "apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict"},
    {"Unknown option", NULL, NULL, "bubblewrap is too old", "install bubblewrap 0.8 or later"},
    {"setpriv", NULL, NULL, "the server is root and cannot become another user",
     "run the server as an ordinary user, or set sandbox.uid to a user that this container maps"},
    {"namespace", NULL, NULL, "the kernel refuses namespaces",
     "start a container with " DOCKER ", or ask who runs this machine"},
};

/* Programs without which there is no box. */
static const struct {
	const char *path, *cause, *cure;
} programs[] = {
    {"/usr/bin/bwrap", "bubblewrap is not installed", "apt install bubblewrap"},
    {"/usr/bin/prlimit", "prlimit is not installed", "apt install util-linux"},
    {"/usr/bin/setpriv", "setpriv is not installed", "apt install util-linux"},
};

static void report_set(struct host_report *r, const char *cause, const char *cure)
{
	snprintf(r->cause, sizeof r->cause, "%.255s", cause);
	snprintf(r->cure, sizeof r->cure, "%.511s", cure);
}

static bool cause_fits(size_t i, struct str words)
{
	char text[32] = "";
	if (!memmem(words.p, words.n, causes[i].word, strlen(causes[i].word)))
		return false;
	if (!causes[i].path)
		return true;
	if (!causes[i].value)
		return access(causes[i].path, F_OK) == 0;
	int fd = open(causes[i].path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	return n > 0 && str_eq(str_trim((struct str){text, (size_t)n}), str_of(causes[i].value));
}

void host_explain(struct str words, struct host_report *ret)
{
	char said[160];
	for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
		if (cause_fits(i, words)) {
			report_set(ret, causes[i].cause, causes[i].cure);
			return;
		}
	struct str line = str_trim(str_cut(&words, '\n'));
	snprintf(said, sizeof said, "a box cannot be built here: %.*s", (int)(line.n < 100 ? line.n : 100),
		 line.n ? line.p : "bubblewrap did not say why");
	for (char *p = said; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	report_set(ret, said, "see docs/sandbox.md");
}

/* --- the trial ------------------------------------------------------------------------------------------- */

static bool host_try(const struct walls *w, struct host_report *ret)
{
	char words[512];
	struct err e = {0};
	struct process p;
	int status = -1, said = memfd_create("words", MFD_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC),
	    filter = filter_open(&e);
	bool ok = said >= 0 && null >= 0 && filter >= 0 &&
		  process_start(&p, w->argv, &(struct process_files){null, null, said, {filter}, 1}, &e);
	if (ok && !process_wait(&p, clock_mono_us() + sandbox_limits.probe_ms * 1000, NULL, &status, &e))
		process_kill(&p);
	ssize_t n = said >= 0 ? pread(said, words, sizeof words, 0) : 0;
	if (said >= 0)
		close(said);
	if (null >= 0)
		close(null);
	if (filter >= 0)
		close(filter);
	if (ok && status == 0)
		return true;
	if (e.code)
		report_set(ret, e.msg, "see docs/sandbox.md");
	else
		host_explain((struct str){words, n > 0 ? (size_t)n : 0}, ret);
	return false;
}

static bool host_probe(struct host_report *ret)
{
	struct box_policy p = {.memory = 1 << 30,
			       .cpu_seconds = 10,
			       .file_bytes = 1 << 20,
			       .tmp_bytes = 1 << 20,
			       .processes = 16,
			       .open_files = 64};
	struct walls w;
	size_t n = sizeof programs / sizeof *programs - (geteuid() != 0); /* setpriv is for root */
	for (size_t i = 0; i < n; i++)
		if (access(programs[i].path, X_OK)) {
			report_set(ret, programs[i].cause, programs[i].cure);
			return false;
		}
	walls_build(&w, &p, false);
	walls_add(&w, "/usr/bin/true");
	return host_try(&w, ret);
}

bool host_permits(struct host_report *ret)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct host_report last;
	static bool permitted;
	static int64_t next_us;
	pthread_mutex_lock(&lock);
	if (!permitted && clock_mono_us() >= next_us) {
		last = (struct host_report){0};
		permitted = host_probe(&last);
		next_us = clock_mono_us() + sandbox_limits.probe_again_ms * 1000;
	}
	bool ok = permitted;
	if (ret)
		*ret = last;
	pthread_mutex_unlock(&lock);
	return ok;
}

bool host_refuse(struct err *e)
{
	struct host_report r;
	return host_permits(&r) || fail(e, ERR_CONFIG, NULL, "%s. To mend it: %s (docs/sandbox.md)", r.cause, r.cure);
}
