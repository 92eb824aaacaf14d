/* sealing.c - `antiphon sealing`: how what is kept lies on the disk; a new key. */
#include "main/sealing.h"

#include <stdio.h>

#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"

struct str sealing_say(struct arena *a, yyjson_val *v)
{
	long long key = yyjson_get_sint(json_get(v, S("key"))), failed = yyjson_get_sint(json_get(v, S("failed")));
	struct str is = yyjson_is_true(json_get(v, S("encrypts")))
			    ? str_fmt(a, "texts are sealed on the disk (key %lld)", key)
			    : S("texts lie open on the disk (store.encrypt=1 seals them)");
	if (yyjson_is_true(json_get(v, S("busy"))))
		is = str_fmt(a, "%.*s; older ones follow: part %lld of %lld, %lld rewritten since the start", FMT(is),
			     1 + (long long)yyjson_get_sint(json_get(v, S("step"))),
			     (long long)yyjson_get_sint(json_get(v, S("steps"))),
			     (long long)yyjson_get_sint(json_get(v, S("rewritten"))));
	return failed ? str_fmt(a, "%.*s; %lld could not be opened (the log names them)", FMT(is), failed) : is;
}

static bool sealing_cmd_run(struct args *a, struct err *e)
{
	bool rotate = a->n_words == 1 && str_eq(str_of(a->words[0]), S("rotate"));
	struct str socket;
	yyjson_val *v;
	if (a->n_words && !rotate)
		return fail(e, ERR_CONFIG, NULL, "sealing wants nothing, or: rotate");
	if (!remote_socket(a, &socket, e))
		return e->code == ERR_NONE &&
		       fail(e, ERR_CONFIG, NULL, "no server runs on this data folder. Start one: antiphon serve (or ./run)");
	if (!remote_admin(a, socket, "/admin/sealing", rotate ? S("{}") : (struct str){0}, &v, NULL, e))
		return false;
	printf("%.*s\n", FMT(sealing_say(&a->config.arena, v)));
	return true;
}

int sealing_command(int argc, char **argv)
{
	const struct own_flag own[] = {{0}};
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, own, &e);
	if (ok && a.help)
		help_for("sealing");
	else
		ok = ok && sealing_cmd_run(&a, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
