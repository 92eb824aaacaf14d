/* usage_cmd.c - `antiphon usage`: what was used and what it cost, through /v1/organization. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"
#include "main/usage_rows.h"

enum { DAY = 86400, DAYS_MOST = 31 };

struct usage_cmd {
	struct args args;
	struct remote remote;
	const char *days, *by;
	bool json;
};

/* The fields of group_by that --by names; "day" is each bucket's. */
static bool usage_cmd_groups(struct usage_cmd *u, struct str *ret, struct err *e)
{
	static const char *const known[][2] = {
	    {"project", "project_id"}, {"key", "api_key_id"}, {"model", "model"}, {"batch", "batch"}, {"day", NULL}};
	struct str rest = str_of(u->by);
	*ret = S("");
	while (rest.n) {
		struct str word = str_cut(&rest, ',');
		size_t i = 0;
		while (i < sizeof known / sizeof *known && !str_eq(word, str_of(known[i][0])))
			i++;
		if (i == sizeof known / sizeof *known)
			return fail(e, ERR_CONFIG, NULL,
				    "--by wants some of day,model,key,project,batch with commas between them");
		if (known[i][1])
			*ret = str_fmt(&u->args.config.arena, "%.*s&group_by=%s", FMT(*ret), known[i][1]);
	}
	return true;
}

static bool usage_cmd_ask(struct usage_cmd *u, const char *what, int64_t days, struct str groups, yyjson_val **ret,
			  struct err *e)
{
	int64_t start = clock_wall_s() / DAY * DAY - (days - 1) * DAY;
	struct remote_call c = {.path = str_fmt(&u->args.config.arena,
						"/organization/%s?start_time=%lld&bucket_width=1d&limit=%lld%.*s", what,
						(long long)start, (long long)days, FMT(groups))};
	return remote_run(&u->args, &u->remote, &c, ret, e);
}

static bool usage_cmd_run(struct usage_cmd *u, struct err *e)
{
	struct str groups;
	int64_t days = 0;
	yyjson_val *used, *costs;
	bool by_day = strstr(u->by, "day");
	if (u->args.n_words || !str_int(str_of(u->days), &days) || days < 1 || days > DAYS_MOST)
		return fail(e, ERR_CONFIG, NULL,
			    "usage wants: [--days 1..%d] [--by day,model,key,project,batch] [--json]", DAYS_MOST);
	if (!usage_cmd_groups(u, &groups, e) || !remote_find(&u->args, &u->remote, e) ||
	    !usage_cmd_ask(u, "usage/completions", days, groups, &used, e) ||
	    !usage_cmd_ask(u, "costs", days, S(""), &costs, e))
		return false;
	if (u->json)
		printf("%.*s\n", FMT(json_text(&u->args.config.arena, used)));
	else
		usage_rows_print(&u->args.config.arena, used, costs, by_day);
	return true;
}

int usage_command(int argc, char **argv)
{
	struct usage_cmd u = {.days = "7", .by = "day,model"};
	const struct own_flag own[] = {{.name = "--days", .value = &u.days},
				       {.name = "--by", .value = &u.by},
				       {.name = "--json", .on = &u.json},
				       {0}};
	struct err e = {0};
	bool ok = args_read(&u.args, argc, argv, own, &e);
	if (ok && u.args.help)
		help_for("usage");
	else
		ok = ok && usage_cmd_run(&u, &e);
	if (!ok)
		complain(&e);
	args_release(&u.args);
	return ok ? 0 : 1;
}
