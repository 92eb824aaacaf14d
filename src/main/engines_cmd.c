/* engines_cmd.c - `antiphon engines`: the engines that the server asks, and draining one. */
#include "main/engines_cmd.h"

#include <stdio.h>

#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"
#include "main/terminal.h"

void engines_print(yyjson_val *engines)
{
	yyjson_val *g;
	size_t i, n;
	printf("%-24s %-8s %-10s %11s %8s %9s\n", "ENGINE", "STATE", "DIALECT", "SLOTS", "WAITING", "TOKENS/S");
	yyjson_arr_foreach(engines, i, n, g)
	{
		terminal_print(json_str(json_get(g, S("name"))), 24);
		printf(" %-8.*s %-10.*s %5lld/%-5lld %8lld %9.1f\n", FMT(json_str(json_get(g, S("state")))),
		       FMT(json_str(json_get(g, S("dialect")))), (long long)yyjson_get_sint(json_get(g, S("busy"))),
		       (long long)yyjson_get_sint(json_get(g, S("slots"))),
		       (long long)yyjson_get_sint(json_get(g, S("waiting"))),
		       yyjson_get_num(json_get(g, S("tokens_a_second"))));
	}
}

/* {"name": ..., "drain": ...}; {0}: the list alone. */
static struct str engines_cmd_body(struct arena *a, const char *name, bool drain)
{
	struct buf b;
	struct jout o = {&b, false};
	if (!name)
		return (struct str){0};
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_kstr(&o, "name", str_of(name));
	jo_kbool(&o, "drain", drain);
	jo_obj_end(&o);
	struct str ret = str_copy(a, buf_str(&b));
	buf_release(&b);
	return ret;
}

static bool engines_cmd_run(struct args *a, struct err *e)
{
	struct str verb = a->n_words ? str_of(a->words[0]) : S("list"), socket;
	bool drain = str_eq(verb, S("drain")), change = drain || str_eq(verb, S("resume"));
	yyjson_val *v;
	if (change ? a->n_words != 2 : a->n_words > 1 || !str_eq(verb, S("list")))
		return fail(e, ERR_CONFIG, NULL, "engines wants: [drain NAME | resume NAME]");
	if (!remote_socket(a, &socket, e))
		return e->code != ERR_NONE ? false
					   : fail(e, ERR_ENGINE, NULL, "no server runs on this data folder. Start one: make run (or: antiphon serve)");
	if (!remote_admin(a, socket, "/admin/engines", engines_cmd_body(&a->config.arena, change ? a->words[1] : NULL, drain), &v, NULL, e))
		return false;
	engines_print(json_get(v, S("engines")));
	return true;
}

int engines_command(int argc, char **argv)
{
	const struct own_flag own[] = {{0}};
	struct args args;
	struct err e = {0};
	bool ok = args_read(&args, argc, argv, own, &e);
	if (ok && args.help)
		help_for("engines");
	else
		ok = ok && engines_cmd_run(&args, &e);
	if (!ok)
		complain(&e);
	args_release(&args);
	return ok ? 0 : 1;
}
