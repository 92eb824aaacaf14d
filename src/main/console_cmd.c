/* console_cmd.c - `antiphon console`: a link into the running server's console. */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "main/remote.h"
#include "main/commands.h"
#include "main/help.h"

extern char **environ;

/* On a desktop, for who sits at it. It does not matter whether it works: the link was printed. */
static void browser_open(const char *url)
{
	char *argv[] = {(char[]){"xdg-open"}, (char *)(uintptr_t)url, NULL};
	posix_spawn_file_actions_t quiet;
	pid_t pid;
	if ((!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")) || !isatty(STDOUT_FILENO))
		return;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", 0, 0);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", 0, 0);
	posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&quiet);
}

static bool link_print(struct args *a, struct err *e)
{
	struct str socket;
	const char *url;
	yyjson_val *v;
	bool refused = false;
	if (!remote_socket(a, &socket, e) || !remote_admin(a, socket, "/admin/console", S("{}"), &v, &refused, e)) {
		if (!e->code || refused) {
			*e = (struct err){0};
			fail(e, ERR_CONFIG, NULL,
			     "no server runs on this data folder. Start one: antiphon serve (or ./run)");
		}
		return false;
	}
	url = str_fmt(&a->config.arena, "%.*s", FMT(json_str(json_get(v, S("url"))))).p;
	printf("%s\n", url);
	fflush(stdout);
	fprintf(stderr, "Good once, for ten minutes.\n");
	browser_open(url);
	return true;
}

int console_command(int argc, char **argv)
{
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, NULL, &e);
	if (ok && a.help)
		help_for("console");
	else
		ok = ok && link_print(&a, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
