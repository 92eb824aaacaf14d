/* prompts_cmd.c - `antiphon prompts`: prompt templates of the running server, through /v1/prompts. */
#include <stdio.h>
#include <string.h>

#include "main/attach.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"

enum { BODY_MAX = 64 << 20 };

struct prompts {
	struct args args;
	struct remote remote;
	const char *file, *version;
};

/* `body` {0}: GET, or DELETE with `gone`. */
static bool prompts_cmd_request(struct prompts *p, struct str path, struct str body, bool gone, yyjson_val **ret, struct err *e)
{
	struct remote_call c = {.path = str_fmt(&p->args.config.arena, "/prompts%.*s", FMT(path)), .body = body, .gone = gone};
	return remote_run(&p->args, &p->remote, &c, ret, e);
}

static bool prompts_cmd_path_of(struct prompts *p, const char *id, const char *rest, struct str *ret, struct err *e)
{
	if (!remote_id_fits(id))
		return fail(e, ERR_NOT_FOUND, NULL, "no prompt with id '%s'", id);
	*ret = str_fmt(&p->args.config.arena, "/%s%s", id, rest);
	return true;
}

/* What FILE says (a JSON object as POST /v1/prompts takes it), with name and instructions of the command line. */
static bool body_make(struct prompts *p, const char *name, const char *text, struct buf *b, struct err *e)
{
	struct arena *a = &p->args.config.arena;
	struct jout o = {.b = b};
	struct str said = S("{}");
	yyjson_val *v, *key, *val;
	size_t i, n;
	if (p->file && !attach_read(a, p->file, &said, e))
		return false;
	if (!json_parse(a, said, &v, e))
		return false;
	if (!yyjson_is_obj(v))
		return fail(e, ERR_CONFIG, NULL, "%s holds no JSON object", p->file);
	jo_obj(&o);
	if (name)
		jo_kstr(&o, "name", str_of(name));
	if (text)
		jo_kstr(&o, "instructions", str_of(text));
	yyjson_obj_foreach(v, i, n, key, val)
	{
		if ((name && str_eq(json_str(key), S("name"))) || (text && str_eq(json_str(key), S("instructions"))))
			continue;
		jo_key(&o, json_str(key));
		jo_val(&o, val);
	}
	jo_obj_end(&o);
	return true;
}

static bool make(struct prompts *p, struct str path, const char *name, const char *text, struct err *e)
{
	struct buf b;
	yyjson_val *v;
	if (!p->file && !text)
		return fail(e, ERR_CONFIG, NULL, "say what the prompt is: TEXT, or -f FILE.json");
	buf_init(&b, BODY_MAX);
	bool ok = body_make(p, name, text, &b, e) && prompts_cmd_request(p, path, buf_str(&b), false, &v, e);
	buf_release(&b);
	if (!ok)
		return false;
	struct str id = json_str(json_get(v, S("id"))), version = json_str(json_get(v, S("version")));
	printf("%.*s\n", FMT(id));
	fprintf(stderr, "Version %.*s. Use it: {\"prompt\": {\"id\": \"%.*s\"}}\n", FMT(version), FMT(id));
	return true;
}

static bool prompts_cmd_create(struct prompts *p, char **words, int n, struct err *e)
{
	return make(p, S(""), words[0], n > 1 ? words[1] : NULL, e);
}

static bool version(struct prompts *p, char **words, int n, struct err *e)
{
	struct str path;
	return prompts_cmd_path_of(p, words[0], "/versions", &path, e) &&
	       make(p, path, NULL, n > 1 ? words[1] : NULL, e);
}

static void prompts_cmd_print_row(yyjson_val *prompt)
{
	printf("%-46.*s  %-24.*s  %-7.*s  %.*s\n", FMT(json_str(json_get(prompt, S("id")))),
	       FMT(json_str(json_get(prompt, S("name")))), FMT(json_str(json_get(prompt, S("default_version")))),
	       FMT(json_str(json_get(prompt, S("latest_version")))));
}

static bool prompts_cmd_list(struct prompts *p, char **words, int n, struct err *e)
{
	struct str path = S("?limit=100&order=asc");
	yyjson_val *v, *one;
	size_t i, most;
	bool first = true; /* no heading over an error */
	while (prompts_cmd_request(p, path, (struct str){0}, false, &v, e)) {
		if (first)
			printf("%-46s  %-24s  %-7s  %s\n", "ID", "NAME", "VERSION", "LATEST");
		first = false;
		yyjson_arr_foreach(json_get(v, S("data")), i, most, one) prompts_cmd_print_row(one);
		if (!yyjson_is_true(json_get(v, S("has_more"))))
			return true;
		path = str_fmt(&p->args.config.arena, "?limit=100&order=asc&after=%.*s", FMT(json_str(json_get(v, S("last_id")))));
	}
	return false;
}

static void *pretty_malloc(void *arena, size_t n)
{
	return arena_alloc(arena, n);
}

static void *pretty_realloc(void *arena, void *old, size_t had, size_t n)
{
	return memcpy(arena_alloc(arena, n), old, had < n ? had : n);
}

static void pretty_free(void *arena, void *p)
{
}

static struct str pretty(struct arena *a, yyjson_val *v)
{
	const yyjson_alc alc = {pretty_malloc, pretty_realloc, pretty_free, a};
	struct str s = {0};
	s.p = yyjson_val_write_opts(v, YYJSON_WRITE_PRETTY_TWO_SPACES, &alc, &s.n, NULL);
	return s;
}

static bool prompts_cmd_show(struct prompts *p, char **words, int n, struct err *e)
{
	struct str path, query = S("");
	yyjson_val *v;
	if (p->version && (!*p->version || strspn(p->version, "0123456789") != strlen(p->version)))
		return fail(e, ERR_CONFIG, NULL, "a version is a number, not \"%s\"", p->version);
	if (p->version)
		query = str_fmt(&p->args.config.arena, "?version=%s", p->version);
	if (!prompts_cmd_path_of(p, words[0], query.p, &path, e) || !prompts_cmd_request(p, path, (struct str){0}, false, &v, e))
		return false;
	struct str text = pretty(&p->args.config.arena, v);
	printf("%.*s\n", FMT(text));
	return true;
}

static bool prompts_cmd_drop(struct prompts *p, char **words, int n, struct err *e)
{
	struct str path;
	yyjson_val *v;
	if (!prompts_cmd_path_of(p, words[0], "", &path, e) || !prompts_cmd_request(p, path, (struct str){0}, true, &v, e))
		return false;
	printf("deleted %s\n", words[0]);
	return true;
}

static const struct verb {
	const char *name;
	int least, most; /* words behind it */
	bool (*run)(struct prompts *p, char **words, int n, struct err *e);
} verbs[] = {
    {"create", 1, 2, prompts_cmd_create}, {"version", 1, 2, version},         {"list", 0, 0, prompts_cmd_list},
    {"show", 1, 1, prompts_cmd_show},     {"delete", 1, 1, prompts_cmd_drop},
};

static bool prompts_cmd_run(struct prompts *p, struct err *e)
{
	int n = p->args.n_words - 1;
	for (size_t i = 0; n >= 0 && i < sizeof verbs / sizeof *verbs; i++)
		if (!strcmp(verbs[i].name, p->args.words[0]) && n >= verbs[i].least && n <= verbs[i].most)
			return remote_find(&p->args, &p->remote, e) && verbs[i].run(p, p->args.words + 1, n, e);
	return fail(e, ERR_CONFIG, NULL,
		    "prompts wants: create NAME [TEXT] [-f FILE] | version ID [TEXT] [-f FILE] | list | show ID [--version N] | delete ID");
}

int prompts_command(int argc, char **argv)
{
	struct prompts p = {.file = NULL};
	const struct own_flag own[] = {{"--file", "-f", &p.file, NULL, NULL}, {"--version", NULL, &p.version, NULL, NULL}, {0}};
	struct err e = {0};
	bool ok = args_read(&p.args, argc, argv, own, &e);
	if (ok && p.args.help)
		help_for("prompts");
	else
		ok = ok && prompts_cmd_run(&p, &e);
	if (!ok)
		complain(&e);
	args_release(&p.args);
	return ok ? 0 : 1;
}
