/* codex.c - `antiphon codex`: the settings with which Codex uses the running server.
 *
 * Codex takes its model's context from a catalog, a file that the settings name: that is the server's own answer to
 * GET /v1/models?client_version=, kept in the data folder. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"

enum { CONTEXT_LEAST = 32768 }; /* tokens; its instructions and tools alone take a third */

/* The catalog's entry: of that name, or the first. */
static bool pick(yyjson_val *models, struct str name, yyjson_val **ret, struct err *e)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(models, i, max, one)
	{
		int64_t context = yyjson_get_sint(json_get(one, S("context_window")));
		struct str slug = json_str(json_get(one, S("slug")));
		if (name.p && !str_eq(slug, name))
			continue;
		if (context > 0 && context < CONTEXT_LEAST)
			return fail(e, ERR_CONFIG, NULL,
				    "%.*s has a context of %lld tokens, and Codex needs %d: its instructions and tools alone "
				    "take a third of that. Serve a model with more (--model FILE.gguf --ctx %d, or --engine URL)",
				    FMT(slug), (long long)context, CONTEXT_LEAST, CONTEXT_LEAST);
		*ret = one;
		return true;
	}
	return name.p ? fail(e, ERR_CONFIG, NULL, "the server has no model '%.*s'", FMT(name))
		      : fail(e, ERR_CONFIG, NULL, "the server has no model yet; look at `antiphon check`");
}

static bool write_catalog(struct args *a, yyjson_val *all, struct str *path, struct err *e)
{
	struct str dir, text = json_text(&a->config.arena, json_get(all, S("models")));
	char whole[PATH_MAX];
	if (!args_data_dir(a, &dir, e))
		return false;
	if (!realpath(str_copy(&a->config.arena, dir).p, whole)) /* Codex runs elsewhere */
		return fail(e, ERR_CONFIG, NULL, "cannot find %.*s", FMT(dir));
	*path = str_fmt(&a->config.arena, "%s/codex-models.json", whole);
	FILE *f = fopen(path->p, "w");
	bool written = f && fprintf(f, "{\"models\":%.*s}\n", FMT(text)) > 0;
	written = f && fclose(f) == 0 && written;
	return written || fail(e, ERR_CONFIG, NULL, "cannot write %.*s", FMT(*path));
}

/* A TOML string; JSON's escapes are TOML's. */
static void print_setting(const char *key, struct str value)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	struct jout o = {.b = &b};
	jo_str(&o, value);
	printf("%s = %.*s\n", key, FMT(buf_str(&b)));
	buf_release(&b);
}

static bool print_settings(struct args *a, struct str model_name, struct err *e)
{
	struct str socket, catalog;
	yyjson_val *info = NULL, *all = NULL, *model = NULL;
	if (!remote_socket(a, &socket, e))
		return e->code == ERR_NONE ? fail(e, ERR_CONFIG, NULL, "no server runs on this data folder: antiphon serve")
					   : false;
	if (!remote_admin(a, socket, "/admin/info", (struct str){0}, &info, NULL, e) ||
	    !remote_admin(a, socket, "/v1/models?client_version=0", (struct str){0}, &all, NULL, e) ||
	    !pick(json_get(all, S("models")), model_name, &model, e) || !write_catalog(a, all, &catalog, e))
		return false;
	print_setting("model", json_str(json_get(model, S("slug"))));
	print_setting("model_provider", S("antiphon"));
	print_setting("model_catalog_json", catalog);
	if (yyjson_get_bool(json_get(info, S("web_search"))))
		print_setting("web_search", S("live"));
	else
		printf("web_search = \"disabled\" # \"live\" once a search provider is configured: docs/web-search.md\n");
	printf("\n[model_providers.antiphon]\n");
	print_setting("name", S("Antiphon"));
	print_setting("base_url", json_str(json_get(info, S("base_url"))));
	print_setting("wire_api", S("responses"));
	if (yyjson_get_bool(json_get(info, S("keys"))))
		print_setting("env_key", S("OPENAI_API_KEY"));
	return true;
}

int codex_command(int argc, char **argv)
{
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, NULL, &e);
	if (ok && a.help)
		help_for("codex");
	else if (ok && a.n_words > 1)
		ok = fail(&e, ERR_CONFIG, NULL, "one model at most");
	else
		ok = ok && print_settings(&a, a.n_words ? str_of(a.words[0]) : (struct str){0}, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
