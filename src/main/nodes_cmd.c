/* nodes_cmd.c - `antiphon nodes`: the processes that share a database. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/args.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"
#include "main/terminal.h"

static void nodes_print(yyjson_val *list)
{
	yyjson_val *one;
	size_t i, n;
	printf("%4s  %-7s  %-5s  %10s  %-10s  %s\n", "NODE", "STATE", "LEADS", "SILENT MS", "VERSION", "ADDRESS");
	yyjson_arr_foreach(list, i, n, one)
	{
		printf("%4" PRId64 "  %-7.*s  %-5s  %10" PRId64 "  %-10.*s  ",
		       yyjson_get_sint(json_get(one, S("node"))), FMT(json_str(json_get(one, S("state")))),
		       yyjson_is_true(json_get(one, S("leads"))) ? "yes" : "",
		       yyjson_get_sint(json_get(one, S("silent_ms"))), FMT(json_str(json_get(one, S("version")))));
		terminal_print(json_str(json_get(one, S("address"))), 0);
		printf("%s\n", yyjson_is_true(json_get(one, S("here"))) ? " (this one)" : "");
	}
}

static bool nodes_run(struct args *a, struct err *e)
{
	char **w = a->words, *end = NULL;
	int n = a->n_words;
	bool change = n == 2 && (!strcmp(w[0], "drain") || !strcmp(w[0], "resume"));
	long number = change ? strtol(w[1], &end, 10) : 0;
	struct str socket, body = {0};
	yyjson_val *v;
	if ((n && !change) || (change && (*end || !*w[1])))
		return fail(e, ERR_CONFIG, NULL, "nodes wants: nothing, or drain NODE, or resume NODE");
	if (!remote_socket(a, &socket, e))
		return e->code == ERR_NONE
			   ? fail(e, ERR_ENGINE, NULL, "no server runs on this data folder. Start one: antiphon serve")
			   : false;
	if (change)
		body =
		    str_fmt(&a->config.arena, "{\"node\":%ld,\"drain\":%s}", number, *w[0] == 'd' ? "true" : "false");
	if (!remote_admin(a, socket, "/admin/nodes", body, &v, NULL, e))
		return false;
	nodes_print(json_get(v, S("data")));
	return true;
}

int nodes_command(int argc, char **argv)
{
	static const struct own_flag own[] = {{0}};
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, own, &e);
	if (ok && a.help)
		help_for("nodes");
	else
		ok = ok && nodes_run(&a, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
