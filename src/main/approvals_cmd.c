/* approvals_cmd.c - `antiphon approvals`: what waits for somebody's approval on the running server, through
 * /v1/approvals. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"
#include "main/terminal.h"

struct approvals {
	struct args args;
	struct remote remote;
	const char *project; /* NULL: all, where the server says which there are */
};

static void print_member(yyjson_val *one, const char *name)
{
	terminal_print(json_str(json_get(one, str_of(name))), 0);
}

static void print_age(int64_t s)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;
	while (i < 3 && s < units[i].seconds)
		i++;
	printf("%lld %s", (long long)(s / units[i].seconds), units[i].unit);
}

static void print_one(yyjson_val *one, const char *project)
{
	print_member(one, "id");
	printf("  ");
	print_member(one, "status");
	printf(", ");
	print_age(clock_wall_s() - yyjson_get_sint(json_get(one, S("created_at"))));
	if (project)
		printf(", project %s", project);
	printf("\n  ");
	print_member(one, "server_label");
	if (yyjson_is_str(json_get(one, S("server_url")))) {
		printf(" (");
		print_member(one, "server_url");
		printf(")");
	}
	printf(": ");
	print_member(one, "name");
	printf(" ");
	print_member(one, "arguments");
	printf("\n  ");
	print_member(one, "response_id");
	printf("\n");
}

/* Calls each() for every project to ask, until it says that it is enough; all of them only the socket tells. */
static bool projects_each(struct approvals *p,
			  bool (*each)(struct approvals *p, const char *project, void *ctx, struct err *e), void *ctx,
			  struct err *e)
{
	yyjson_val *keys, *key, *before;
	size_t i, j, n, m;
	if (p->project || !p->remote.socket.p)
		return each(p, p->project, ctx, e);
	if (!remote_admin(&p->args, p->remote.socket, "/admin/keys", (struct str){0}, &keys, NULL, e) ||
	    !each(p, "default", ctx, e))
		return false;
	keys = json_get(keys, S("data"));
	yyjson_arr_foreach(keys, i, n, key)
	{
		struct str name = json_str(json_get(key, S("project")));
		bool seen = str_eq(name, S("default"));
		yyjson_arr_foreach(keys, j, m, before) seen |=
		    j < i && str_eq(name, json_str(json_get(before, S("project"))));
		if (!seen && !each(p, str_copy(&p->args.config.arena, name).p, ctx, e))
			return false;
	}
	return true;
}

static bool list_project(struct approvals *p, const char *project, void *ctx, struct err *e)
{
	struct remote_call c = {.path = S("/approvals?limit=100"), .project = project};
	size_t i, most, *n = ctx;
	yyjson_val *v, *one;
	while (remote_run(&p->args, &p->remote, &c, &v, e)) {
		yyjson_arr_foreach(json_get(v, S("data")), i, most, one)
		{
			print_one(one, project);
			++*n;
		}
		if (!yyjson_is_true(json_get(v, S("has_more"))))
			return true;
		c.path = str_fmt(&p->args.config.arena, "/approvals?limit=100&after=%.*s",
				 FMT(json_str(json_get(v, S("last_id")))));
	}
	return false;
}

static bool approvals_cmd_list(struct approvals *p, struct err *e)
{
	size_t n = 0;
	if (!projects_each(p, list_project, &n, e))
		return false;
	if (!n)
		fprintf(stderr, "Nothing waits for approval.\n");
	return true;
}

struct deciding {
	struct str path, body;
	bool done;
};

/* An id is one project's; elsewhere it is not found. */
static bool decide_in(struct approvals *p, const char *project, void *ctx, struct err *e)
{
	struct deciding *d = ctx;
	struct remote_call c = {.path = d->path, .body = d->body, .project = project};
	yyjson_val *v;
	if (d->done)
		return true;
	*e = (struct err){0};
	d->done = remote_run(&p->args, &p->remote, &c, &v, e);
	return d->done || e->code == ERR_NOT_FOUND;
}

static bool decide(struct approvals *p, const char *id, bool approve, const char *reason, struct err *e)
{
	struct deciding d = {.path = str_fmt(&p->args.config.arena, "/approvals/%s", id)};
	struct buf b;
	struct jout o = {.b = &b};
	if (!remote_id_fits(id))
		return fail(e, ERR_NOT_FOUND, NULL, "no approval request with id '%s'", id);
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_kbool(&o, "approve", approve);
	if (reason)
		jo_kstr(&o, "reason", str_of(reason));
	jo_obj_end(&o);
	d.body = buf_str(&b);
	bool ok = projects_each(p, decide_in, &d, e) && d.done;
	buf_release(&b);
	if (ok)
		printf("%s %s\n", approve ? "approved" : "refused", id);
	return ok;
}

static bool approvals_cmd_run(struct approvals *p, struct err *e)
{
	char **words = p->args.words;
	int n = p->args.n_words;
	bool listing = n == 0 || (n == 1 && !strcmp(words[0], "list"));
	bool approve = n == 2 && !strcmp(words[0], "approve"),
	     refuse = (n == 2 || n == 3) && !strcmp(words[0], "refuse");
	if (!listing && !approve && !refuse)
		return fail(e, ERR_CONFIG, NULL, "approvals wants: [list] | approve ID | refuse ID [REASON]");
	if (!remote_find(&p->args, &p->remote, e))
		return false;
	return listing ? approvals_cmd_list(p, e) : decide(p, words[1], approve, n == 3 ? words[2] : NULL, e);
}

int approvals_command(int argc, char **argv)
{
	struct approvals p = {.project = NULL};
	const struct own_flag own[] = {{"--project", "-p", &p.project, NULL, NULL}, {0}};
	struct err e = {0};
	bool ok = args_read(&p.args, argc, argv, own, &e);
	if (ok && p.args.help)
		help_for("approvals");
	else
		ok = ok && approvals_cmd_run(&p, &e);
	if (!ok)
		complain(&e);
	args_release(&p.args);
	return ok ? 0 : 1;
}
