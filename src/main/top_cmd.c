/* top_cmd.c - `antiphon top`: what runs at this moment. */
#include <stdio.h>
#include <unistd.h>

#include "main/args.h"
#include "main/commands.h"
#include "main/engines_cmd.h"
#include "main/help.h"
#include "main/remote.h"
#include "main/terminal.h"

enum { EVERY_SECONDS = 1, TURNS_SHOWN = 40 };

static void top_turns(yyjson_val *turns, int64_t running)
{
	yyjson_val *t;
	size_t i, n;
	printf("\n%-49s %-10s %-9s %9s %7s  MODEL\n", "TURN", "KIND", "PHASE", "SECONDS", "PIECES");
	yyjson_arr_foreach(turns, i, n, t)
	{
		if (i == TURNS_SHOWN)
			break;
		printf("%-49.*s %-10.*s %-9.*s %9.1f %7lld  ", FMT(json_str(json_get(t, S("id")))),
		       FMT(json_str(json_get(t, S("kind")))), FMT(json_str(json_get(t, S("phase")))),
		       yyjson_get_num(json_get(t, S("seconds"))), (long long)yyjson_get_sint(json_get(t, S("pieces"))));
		terminal_print(json_str(json_get(t, S("model"))), 0);
		printf("\n");
	}
	if (running > (int64_t)i)
		printf("... and %lld more\n", (long long)running - (int64_t)i);
}

static bool top_once(struct args *a, struct str socket, struct err *e)
{
	yyjson_val *v;
	if (!remote_admin(a, socket, "/console/api/live", (struct str){0}, &v, NULL, e))
		return false;
	engines_print(json_get(v, S("engines")));
	top_turns(json_get(v, S("turns")), yyjson_get_sint(json_get(v, S("running"))));
	fflush(stdout);
	return true;
}

static bool top_run(struct args *a, bool once, struct err *e)
{
	struct str socket;
	if (!remote_socket(a, &socket, e))
		return e->code == ERR_NONE
			   ? fail(e, ERR_ENGINE, NULL,
				  "no server runs on this data folder. Start one: make run (or: antiphon serve)")
			   : false;
	for (;;) {
		if (!once)
			printf("\033[H\033[2J");
		if (!top_once(a, socket, e))
			return false;
		if (once)
			return true;
		sleep(EVERY_SECONDS);
	}
}

int top_command(int argc, char **argv)
{
	bool once = false;
	const struct own_flag own[] = {{.name = "--once", .on = &once}, {0}};
	struct args args;
	struct err e = {0};
	bool ok = args_read(&args, argc, argv, own, &e);
	if (ok && args.help)
		help_for("top");
	else
		ok = ok && top_run(&args, once || !isatty(STDOUT_FILENO), &e);
	if (!ok)
		complain(&e);
	args_release(&args);
	return ok ? 0 : 1;
}
