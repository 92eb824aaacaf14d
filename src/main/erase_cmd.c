/* erase_cmd.c - `antiphon erase`: all of a project, or of an end user, through the running server. */
#include <stdio.h>

#include "main/args.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/progress.h"
#include "main/remote.h"

struct erase_words {
	const char *project, *user;
	bool yes;
};

/* As remote_admin(), however long it takes; the receipt goes to stdout as it is. */
static bool erase_cmd_ask(struct args *a, struct str socket, struct str body, struct err *e)
{
	struct query q = {.url = "http://localhost/admin/erase", .socket = socket.p, .body = body};
	progress_say("erasing");
	bool ok = query_run(&q, e);
	progress_end();
	if (q.refused) {
		*e = (struct err){0};
		fail(e, ERR_CONFIG, NULL, "no server runs on this data folder. Start one: antiphon serve (or ./run)");
	}
	if (ok && q.status != 200)
		ok = fail(e, ERR_ENGINE, NULL, "%.*s", FMT(query_error(&a->config.arena, &q)));
	if (ok)
		printf("%.*s\n", FMT(buf_str(&q.out)));
	query_release(&q);
	return ok;
}

static bool erase_cmd_run(struct args *a, const struct erase_words *w, struct err *e)
{
	struct str socket;
	struct buf b;
	struct jout o = {&b, false};
	if (!w->project == !w->user || a->n_words)
		return fail(e, ERR_CONFIG, NULL,
			    "erase wants: --project NAME | --user SAFETY_IDENTIFIER, and --yes to do it");
	if (!remote_socket(a, &socket, e))
		return e->code == ERR_NONE &&
		       fail(e, ERR_CONFIG, NULL,
			    "no server runs on this data folder. Start one: antiphon serve (or ./run)");
	buf_init(&b, 4096);
	jo_obj(&o);
	if (w->project)
		jo_kstr(&o, "project", str_of(w->project));
	else
		jo_kstr(&o, "user", str_of(w->user));
	jo_kbool(&o, "dry_run", !w->yes);
	jo_obj_end(&o);
	bool ok = erase_cmd_ask(a, socket, buf_str(&b), e);
	buf_release(&b);
	if (ok && !w->yes)
		fprintf(stderr, "Nothing was erased. Once more with --yes erases what is counted here, for good.\n");
	return ok;
}

int erase_command(int argc, char **argv)
{
	struct erase_words w = {0};
	const struct own_flag own[] = {{"--project", "-p", &w.project, NULL, NULL},
				       {"--user", NULL, &w.user, NULL, NULL},
				       {"--yes", NULL, NULL, &w.yes, NULL},
				       {0}};
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, own, &e);
	if (ok && a.help)
		help_for("erase");
	else
		ok = ok && erase_cmd_run(&a, &w, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
