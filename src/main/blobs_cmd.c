/* blobs_cmd.c - `antiphon blobs move`: files' bytes from one place to another. */
#include <stdio.h>

#include "main/args.h"
#include "main/commands.h"
#include "main/config_limits.h"
#include "main/help.h"
#include "main/paths.h"
#include "main/progress.h"
#include "store/blob_move.h"

static void blobs_cmd_progress(void *ctx, const struct blob_move *m)
{
	char bytes[32], line[80];
	(void)ctx;
	snprintf(line, sizeof line, "%lld files, %s", (long long)m->files, progress_bytes(bytes, m->bytes));
	progress_say(line);
}

static bool blobs_cmd_from(struct args *a, const char *from, enum blob_where *ret, struct err *e)
{
	static const struct {
		struct str name;
		enum blob_where where;
	} places[] = {{STR("folder"), BLOBS_FOLDER}, {STR("shared"), BLOBS_SHARED}, {STR("s3"), BLOBS_S3}};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (str_eq(places[i].name, str_of(from))) {
			*ret = places[i].where;
			return a->n_words == 1 && str_eq(str_of(a->words[0]), S("move"));
		}
	return false;
}

static bool blobs_cmd_run(struct args *a, const char *from, struct err *e)
{
	struct store_options o = {.url = a->config.store_url.n ? a->config.store_url : (struct str){0}};
	struct blob_move m = {.progress = blobs_cmd_progress};
	struct store *s;
	char bytes[32];
	if (!blobs_cmd_from(a, from, &m.from, e))
		return fail(e, ERR_CONFIG, NULL, "blobs wants: move --from folder|shared|s3");
	if (!args_data_dir(a, &o.dir, e) || !config_apply_limits(&a->config, e) || !store_open(&o, &s, e))
		return false;
	bool ok = blobs_move(s, &m, e);
	progress_end();
	store_close(s);
	if (ok)
		printf("%lld files (%s) moved, %lld were there already\n", (long long)m.files,
		       progress_bytes(bytes, m.bytes), (long long)m.there);
	return ok;
}

int blobs_command(int argc, char **argv)
{
	const char *from = "";
	const struct own_flag own[] = {{"--from", NULL, &from, NULL, NULL}, {0}};
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, own, &e);
	if (ok && a.help)
		help_for("blobs");
	else
		ok = ok && blobs_cmd_run(&a, from, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
