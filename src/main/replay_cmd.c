/* replay_cmd.c - `antiphon replay FILE`: an engine that says what a recording has. Runs until it is ended. */
#include <stdio.h>

#include "main/address.h"
#include "main/args.h"
#include "main/config_limits.h"
#include "main/commands.h"
#include "main/help.h"
#include "tape/player.h"

static bool replay_cmd_listen(struct args *a, struct listen_options *ret, struct err *e)
{
	const struct config_list *at = &a->config.server_listen;
	struct addresses all;
	if (at->n == 2) { /* the default of `serve`: that port is a server's */
		*ret = (struct listen_options){.host = S("127.0.0.1")};
		return true;
	}
	if (!addresses_read(&a->config.arena, at, &all, e))
		return false;
	*ret = (struct listen_options){.host = all.at[0].host, .port = all.at[0].port};
	return true;
}

static bool replay_cmd_run(struct args *a, struct err *e)
{
	struct listen_options at;
	struct player *player;
	struct tape *tape = NULL;
	struct loop *loop;
	int port = 0;
	if (a->n_words != 1)
		return fail(e, ERR_CONFIG, NULL, "replay wants a recording: antiphon replay run.jsonl");
	if (!config_apply_limits(&a->config, e) || !replay_cmd_listen(a, &at, e) || !tape_open(a->words[0], &tape, e))
		return false;
	bool ok = loop_open(&loop, e);
	if (ok && player_open(loop, tape, &at, &port, &player, e)) {
		printf("listening on http://%.*s:%d\n", FMT(at.host), port);
		fflush(stdout);
		fprintf(stderr, "Play it: antiphon serve --engine http://%.*s:%d --set api.replay=%s\n", FMT(at.host),
			port, a->words[0]);
		loop_run(loop);
		player_free(player);
	} else {
		ok = false;
	}
	tape_close(tape);
	return ok;
}

int replay_command(int argc, char **argv)
{
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, NULL, &e);
	if (ok && a.help)
		help_for("replay");
	else
		ok = ok && replay_cmd_run(&a, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
