/* projects_cmd.c - `antiphon projects`: the projects that have limits, and setting them. */
#include "main/commands.h"
#include "main/help.h"
#include "main/limits_cmd.h"

static bool projects_cmd_run(struct key_ways *w, struct err *e)
{
	struct args *a = w->args;
	struct str verb = a->n_words ? str_of(a->words[0]) : S("limits");
	bool list = str_eq(verb, S("limits")) && a->n_words <= 1, set = str_eq(verb, S("limit")) && a->n_words >= 2;
	if (!list && !set)
		return fail(e, ERR_CONFIG, NULL, "projects wants: [limits] | limit NAME [LIMIT=VALUE ...]");
	if (!ways_open(w, e))
		return false;
	return list ? limits_cmd_list(w, false, e)
		    : limits_cmd_set(w, false, str_of(a->words[1]), a->words + 2, a->n_words - 2, e);
}

int projects_command(int argc, char **argv)
{
	const struct own_flag own[] = {{0}};
	struct args args;
	struct err e = {0};
	struct key_ways w = {.args = &args};
	bool ok = args_read(&args, argc, argv, own, &e);
	if (ok && args.help)
		help_for("projects");
	else
		ok = ok && projects_cmd_run(&w, &e);
	if (!ok)
		complain(&e);
	ways_close(&w);
	args_release(&args);
	return ok ? 0 : 1;
}
