/* record_cmd.c - `antiphon record ID`: a response as a file that can be played again. */
#include <stdio.h>

#include "main/args.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"

static bool record_cmd_write(void *ctx, struct str piece)
{
	(void)ctx;
	return fwrite(piece.p, 1, piece.n, stdout) == piece.n;
}

static bool record_cmd_run(struct args *a, const char *project, struct err *e)
{
	struct remote r;
	if (a->n_words != 1 || !remote_id_fits(a->words[0]))
		return fail(e, ERR_CONFIG, NULL,
			    "record wants the id of a response: antiphon record resp_... > run.jsonl");
	if (!remote_find(a, &r, e))
		return false;
	struct query q = {.socket = r.socket.p, .key = r.key, .project = project, .on_body = record_cmd_write};
	q.url = str_fmt(&a->config.arena, "%.*s/responses/%s/recording", FMT(r.base), a->words[0]).p;
	bool ok = query_run(&q, e);
	if (q.refused)
		*e = (struct err){.code = ERR_ENGINE,
				  .msg = "no server answers. Start one: make run (or: antiphon serve)"};
	if (ok && q.status != 200)
		ok = fail(e, ERR_ENGINE, NULL, "%.*s", FMT(query_error(&a->config.arena, &q)));
	if (ok && fflush(stdout))
		ok = fail(e, ERR_CONFIG, NULL, "the recording could not be written: %m");
	query_release(&q);
	return ok;
}

int record_command(int argc, char **argv)
{
	const char *project = NULL;
	const struct own_flag own[] = {{"--project", "-p", &project, NULL, NULL}, {0}};
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, own, &e);
	if (ok && a.help)
		help_for("record");
	else
		ok = ok && record_cmd_run(&a, project, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
