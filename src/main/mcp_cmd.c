/* mcp_cmd.c - `antiphon mcp`: asks an MCP server from the command line what a response would ask of it. */
#include <stdio.h>

#include "base/clock.h"
#include "main/args.h"
#include "main/commands.h"
#include "main/config_limits.h"
#include "main/help.h"
#include "mcp/client.h"
#include "mcp/known.h"
#include "mcp/limits.h"
#include "wire/json.h"

enum { FAILED = 1, WRONG_USAGE = 2 };

static int mcp_fail(const struct mcp_fault *f)
{
	fprintf(stderr, "antiphon: the MCP server: %s (code %lld)\n", f->why, (long long)f->code);
	return FAILED;
}

static int mcp_list(const struct mcp_ask *ask, struct arena *a)
{
	struct mcp_list list;
	struct mcp_fault f;
	if (!mcp_list_tools(ask, a, &list, &f))
		return mcp_fail(&f);
	for (size_t i = 0; i < list.n; i++) {
		struct str said = list.tools[i].description, first = str_cut(&said, '\n');
		printf("%.*s%s\t%.*s\n", FMT(list.tools[i].name), list.tools[i].read_only ? " (says: reads only)" : "",
		       FMT(first));
	}
	if (list.left_out)
		printf("%zu more cannot be offered\n", list.left_out);
	return 0;
}

static int mcp_call_it(const struct mcp_ask *ask, struct arena *a, const struct args *args)
{
	struct mcp_call call = {.name = str_of(args->words[1])};
	struct mcp_result result;
	struct mcp_list list;
	struct mcp_fault f;
	struct err e = {0};
	if (args->n_words > 2 && !json_parse(a, str_of(args->words[2]), &call.arguments, &e)) {
		fprintf(stderr, "antiphon: %s is no JSON\n", args->words[2]);
		return WRONG_USAGE;
	}
	if (!mcp_list_tools(ask, a, &list, &f))
		return mcp_fail(&f);
	for (size_t i = 0; i < list.n; i++)
		if (str_eq(list.tools[i].name, call.name)) {
			call.schema = list.tools[i].schema;
			call.repeatable = list.tools[i].read_only || list.tools[i].idempotent;
		}
	if (!mcp_call_tool(ask, &call, a, &result, &f))
		return mcp_fail(&f);
	printf("%.*s\n", FMT(result.text));
	return result.failed ? FAILED : 0;
}

int mcp_command(int argc, char **argv)
{
	static const _Atomic bool never;
	struct args args;
	struct config_list headers = {0};
	struct err e = {0};
	const struct own_flag own[] = {{.name = "--header", .brief = "-H", .list = &headers}, {0}};
	if (!args_read(&args, argc, argv, own, &e) || !config_apply_limits(&args.config, &e)) {
		complain(&e);
		args_release(&args);
		return WRONG_USAGE;
	}
	if (args.help || !args.n_words || args.n_words > 3) {
		help_for("mcp");
		args_release(&args);
		return args.help ? 0 : WRONG_USAGE;
	}
	struct arena a = {0};
	struct mcp_server server = {.url = str_of(args.words[0]), .headers = headers.at, .n_headers = headers.n};
	struct mcp_ask ask = {.known = mcp_known_new(),
			      .server = &server,
			      .cancelled = &never,
			      .due_ms = clock_mono_us() / 1000 +
					(args.n_words > 1 ? mcp_limits.call_ms : mcp_limits.list_ms)};
	int status = args.n_words > 1 ? mcp_call_it(&ask, &a, &args) : mcp_list(&ask, &a);
	mcp_known_free(ask.known);
	arena_free(&a);
	args_release(&args);
	return status;
}
