/* keys_cmd.c - `antiphon keys`: through the running server when there is one, else in the store itself. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "main/commands.h"
#include "main/help.h"
#include "main/limits_cmd.h"

static void print_time(int64_t at)
{
	char text[32] = "-";
	time_t t = (time_t)at;
	struct tm tm;
	if (at && gmtime_r(&t, &tm))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
	printf("%-17s", text);
}

static void keys_cmd_print_row(struct str id, struct str name, struct str project, struct str hint, int64_t made,
			       int64_t revoked, bool admin)
{
	printf("%-46.*s  %-16.*s  %-12.*s  %-14.*s  ", FMT(id), FMT(name), FMT(project), FMT(hint));
	print_time(made);
	printf("%s%s\n", revoked ? "revoked" : "valid", admin ? ", admin" : "");
}

static void print_key(void *ctx, const struct key_info *k)
{
	(void)ctx;
	keys_cmd_print_row(str_of(k->id), str_of(k->name), str_of(k->project), str_of(k->hint), k->created_at,
			   k->revoked_at, k->admin);
}

static void print_header(void)
{
	printf("%-46s  %-16s  %-12s  %-14s  %-17s%s\n", "ID", "NAME", "PROJECT", "KEY", "MADE (UTC)", "STATE");
}

static void print_secret(struct str secret, struct str id, struct str project)
{
	printf("%.*s\n", FMT(secret));
	fprintf(stderr, "Shown this once; keep it. Id %.*s, project %.*s.\n", FMT(id), FMT(project));
}

static bool keys_cmd_create(struct key_ways *w, struct err *e)
{
	char secret[KEY_TEXT];
	struct key_info info;
	if (w->store) {
		if (!key_create(w->store, &w->making, secret, &info, e))
			return false;
		print_secret(str_of(secret), str_of(info.id), str_of(info.project));
		return true;
	}
	struct buf b;
	struct jout o = {&b, false};
	yyjson_val *v;
	buf_init(&b, 4096);
	jo_obj(&o);
	jo_kstr(&o, "name", w->making.name);
	jo_kstr(&o, "project", w->making.project);
	jo_kbool(&o, "admin", w->making.admin);
	jo_obj_end(&o);
	bool ok = remote_admin(w->args, w->socket, "/admin/keys", buf_str(&b), &v, NULL, e);
	buf_release(&b);
	if (ok)
		print_secret(json_str(json_get(v, S("secret"))), json_str(json_get(v, S("id"))),
			     json_str(json_get(v, S("project"))));
	return ok;
}

static bool keys_cmd_list(struct key_ways *w, struct err *e)
{
	yyjson_val *v, *k;
	size_t i, n;
	if (w->store) {
		print_header();
		return key_list(w->store, print_key, NULL, e);
	}
	if (!remote_admin(w->args, w->socket, "/admin/keys", (struct str){0}, &v, NULL, e))
		return false;
	print_header();
	yyjson_arr_foreach(json_get(v, S("data")), i, n, k) keys_cmd_print_row(
	    json_str(json_get(k, S("id"))), json_str(json_get(k, S("name"))), json_str(json_get(k, S("project"))),
	    json_str(json_get(k, S("hint"))), yyjson_get_sint(json_get(k, S("created_at"))),
	    yyjson_get_sint(json_get(k, S("revoked_at"))), yyjson_is_true(json_get(k, S("admin"))));
	return true;
}

static bool revoke(struct key_ways *w, struct str id, struct err *e)
{
	yyjson_val *v;
	for (size_t i = 0; i < id.n; i++) /* it becomes part of a path */
		if (id.p[i] <= ' ' || strchr("/?#%", id.p[i]))
			return fail(e, ERR_NOT_FOUND, NULL, "no key with id '%.*s'", FMT(id));
	struct str path = str_fmt(&w->args->config.arena, "/admin/keys/%.*s/revoke", FMT(id));
	bool ok =
	    w->store ? key_revoke(w->store, id, e) : remote_admin(w->args, w->socket, path.p, S("{}"), &v, NULL, e);
	if (ok)
		printf("revoked %.*s\n", FMT(id));
	return ok;
}

static bool keys_cmd_run(struct key_ways *w, struct err *e)
{
	struct args *a = w->args;
	struct str verb = a->n_words ? str_of(a->words[0]) : S("");
	struct str what = a->n_words > 1 ? str_of(a->words[1]) : (struct str){0};
	bool listing = str_eq(verb, S("list")) && a->n_words == 1;
	bool other = (str_eq(verb, S("create")) || str_eq(verb, S("revoke"))) && a->n_words == 2;
	bool limits = str_eq(verb, S("limit")) && a->n_words >= 2;
	if (!listing && !other && !limits)
		return fail(e, ERR_CONFIG, NULL, "keys wants: create NAME [--project P] [--admin] | list | revoke ID | limit ID [LIMIT=VALUE ...]");
	if (!ways_open(w, e))
		return false;
	if (listing)
		return keys_cmd_list(w, e) && limits_cmd_list(w, true, e);
	if (limits)
		return limits_cmd_set(w, true, what, a->words + 2, a->n_words - 2, e);
	w->making.name = what;
	return str_eq(verb, S("create")) ? keys_cmd_create(w, e) : revoke(w, what, e);
}

int keys_command(int argc, char **argv)
{
	const char *project = "default";
	bool admin = false;
	const struct own_flag own[] = {
	    {"--project", "-p", &project, NULL, NULL}, {.name = "--admin", .on = &admin}, {0}};
	struct args args;
	struct err e = {0};
	struct key_ways w = {.args = &args};
	bool ok = args_read(&args, argc, argv, own, &e);
	w.making = (struct key_making){.project = str_of(project), .admin = admin};
	if (ok && args.help)
		help_for("keys");
	else
		ok = ok && keys_cmd_run(&w, &e);
	if (!ok)
		complain(&e);
	ways_close(&w);
	args_release(&args);
	return ok ? 0 : 1;
}
