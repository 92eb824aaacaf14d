/* packages.c - the Python packages that sessions have. */
#include "session/packages.h"

#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "sandbox/process.h"

/* Made when this is built, from the files of these names. */
#define LIST(name)                                                                                                     \
	extern const unsigned char name##_bytes[];                                                                     \
	extern const size_t name##_bytes_n;
LIST(packages_program)
LIST(packages_standard)
LIST(packages_full)
#undef LIST

enum { MOST = 1000, NAME = 128 };

extern char **environ;

bool packages_folder(struct str given, char ret[PACKAGES_FOLDER])
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	*ret = 0;
	if (given.n)
		snprintf(ret, PACKAGES_FOLDER, "%.*s", FMT(given));
	else if (geteuid() == 0)
		snprintf(ret, PACKAGES_FOLDER, "/var/lib/antiphon/python");
	else if (data && *data == '/')
		snprintf(ret, PACKAGES_FOLDER, "%s/antiphon/python", data);
	else if (home && *home == '/')
		snprintf(ret, PACKAGES_FOLDER, "%s/.local/share/antiphon/python", home);
	return *ret != 0;
}

bool packages_there(const char *folder)
{
	char path[PACKAGES_FOLDER + 16];
	snprintf(path, sizeof path, "%s/bin/python3", folder);
	return *folder && access(path, X_OK) == 0;
}

/* --- what is there ----------------------------------------------------------------------------------------- */

static int packages_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* NAME-VERSION.dist-info, a folder for each (the Core Metadata of the Python Packaging Authority). */
static size_t packages_read(const char *site, char (*names)[NAME])
{
	static const char tail[] = ".dist-info";
	size_t n = 0;
	DIR *d = opendir(site);
	struct dirent *at;
	while (d && n < MOST && (at = readdir(d))) {
		size_t len = strlen(at->d_name);
		if (len < sizeof tail || len >= NAME || strcmp(at->d_name + len - (sizeof tail - 1), tail))
			continue;
		memcpy(names[n], at->d_name, len - (sizeof tail - 1));
		names[n][len - (sizeof tail - 1)] = 0;
		char *dash = strchr(names[n], '-');
		if (dash)
			*dash = ' ';
		n++;
	}
	if (d)
		closedir(d);
	qsort(names, n, sizeof *names, packages_order);
	return n;
}

void packages_list(const char *folder, struct buf *out)
{
	char path[PACKAGES_FOLDER + 16], site[PACKAGES_FOLDER + 300];
	char(*names)[NAME] = xalloc(MOST * sizeof *names);
	bool own = packages_there(folder);
	snprintf(path, sizeof path, "%s/lib", own ? folder : "/usr");
	DIR *d = opendir(path);
	struct dirent *at;
	while (d && (at = readdir(d))) {
		if (strncmp(at->d_name, "python3.", 8))
			continue;
		if (own)
			snprintf(site, sizeof site, "%s/%.200s/site-packages", path, at->d_name);
		else
			snprintf(site, sizeof site, "/usr/lib/python3/dist-packages");
		size_t n = packages_read(site, names);
		buf_fmt(out, "Python %.20s", at->d_name + 6);
		for (size_t i = 0; i < n; i++)
			buf_fmt(out, "%s%s", i ? ", " : ": ", names[i]);
		break;
	}
	if (d)
		closedir(d);
	xfree(names);
}

/* --- installation ------------------------------------------------------------------------------------------ */

static bool packages_run(const char *folder, const char *set, int list, int program, struct err *e)
{
	static const char boot[] = "exec(compile(open(3,encoding='utf-8').read(),'packages.py','exec'))";
	char *argv[] = {"/usr/bin/python3",     "-I", "-c", (char *)(uintptr_t)boot, (char *)(uintptr_t)folder,
			(char *)(uintptr_t)set, NULL};
	posix_spawn_file_actions_t files;
	pid_t pid;
	int status = -1;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, list, 0);
	posix_spawn_file_actions_adddup2(&files, program, 3);
	errno = posix_spawn(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (errno)
		return fail(e, ERR_CONFIG, NULL, "%s cannot be started: %m. To mend it: apt install python3", argv[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 || fail(e, ERR_CONFIG, NULL, "the packages were not installed");
}

bool packages_install(const char *folder, struct str set, struct err *e)
{
	static const struct {
		const char *name;
		const unsigned char *bytes;
		const size_t *n;
	} sets[] = {{"standard", packages_standard_bytes, &packages_standard_bytes_n},
		    {"full", packages_full_bytes, &packages_full_bytes_n}};
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		if (!str_eq(set, str_of(sets[i].name)))
			continue;
		int list = process_memory((struct str){(const char *)sets[i].bytes, *sets[i].n}),
		    program =
			process_memory((struct str){(const char *)packages_program_bytes, packages_program_bytes_n});
		bool ok = list >= 0 && program >= 0 ? packages_run(folder, sets[i].name, list, program, e)
						    : fail(e, ERR_CONFIG, NULL, "no memory for a list of packages: %m");
		if (list >= 0)
			close(list);
		if (program >= 0)
			close(program);
		return ok;
	}
	return fail(e, ERR_INVALID_VALUE, NULL, "there is no set '%.*s': standard, or full", FMT(set));
}
