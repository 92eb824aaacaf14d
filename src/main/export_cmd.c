/* export_cmd.c - `antiphon export` and `antiphon import`: a project in a file. */
#include <stdio.h>
#include <unistd.h>

#include "main/args.h"
#include "main/commands.h"
#include "main/config_limits.h"
#include "main/help.h"
#include "main/master.h"
#include "main/paths.h"
#include "main/progress.h"
#include "project/export.h"
#include "project/import.h"

static bool export_cmd_write(void *ctx, struct str bytes, struct err *e)
{
	(void)ctx;
	return fwrite(bytes.p, 1, bytes.n, stdout) == bytes.n ||
	       fail(e, ERR_CONFIG, NULL, "the export could not be written: %m");
}

static void export_cmd_progress(void *ctx, const struct project_export *x)
{
	char line[80];
	(void)ctx;
	snprintf(line, sizeof line, "%lld rows, %lld files", (long long)x->rows, (long long)x->files);
	progress_say(line);
}

static bool export_cmd_options(struct args *a, struct store_options *o, struct err *e)
{
	*o = (struct store_options){.url = a->config.store_url.n ? a->config.store_url : (struct str){0}};
	return args_data_dir(a, &o->dir, e) && config_apply_limits(&a->config, e);
}

static bool export_cmd_run(struct args *a, const char *project, struct err *e)
{
	struct store_options from;
	struct seal_options seal;
	struct arena arena = {0};
	struct project_export x = {
	    .from = &from, .seal = &seal, .project = str_of(project), .write = export_cmd_write, .progress = export_cmd_progress};
	if (a->n_words)
		return fail(e, ERR_CONFIG, NULL, "export writes to its output: antiphon export --project NAME > FILE");
	if (isatty(STDOUT_FILENO))
		return fail(e, ERR_CONFIG, NULL,
			    "an export is no text for a terminal: antiphon export --project NAME > FILE");
	bool ok = export_cmd_options(a, &from, e);
	if (ok) {
		seal = master_options(&a->config, from.dir, &arena);
		ok = project_export(&x, e);
	}
	arena_free(&arena);
	progress_end();
	if (ok && fflush(stdout))
		ok = fail(e, ERR_CONFIG, NULL, "the export could not be written: %m");
	if (ok)
		fprintf(stderr, "%s: %lld rows, %lld files\n", project, (long long)x.rows, (long long)x.files);
	return ok;
}

int export_command(int argc, char **argv)
{
	const char *project = "default";
	const struct own_flag own[] = {{"--project", "-p", &project, NULL, NULL}, {0}};
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, own, &e);
	if (ok && a.help)
		help_for("export");
	else
		ok = ok && export_cmd_run(&a, project, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}

static void import_cmd_progress(void *ctx, const struct project_import *m)
{
	(void)ctx;
	progress_say(m->checking ? "checking" : "taking it in");
}

static bool import_cmd_run(struct args *a, const char *project, bool new_ids, struct err *e)
{
	struct store_options o;
	struct project_import m = {.progress = import_cmd_progress,
				   .new_ids = new_ids,
				   .project = project ? str_of(project) : (struct str){0}};
	if (a->n_words != 1)
		return fail(e, ERR_CONFIG, NULL, "import wants a file: antiphon import FILE [--project NAME] [--new-ids]");
	m.path = a->words[0];
	if (!export_cmd_options(a, &o, e) || !folder_make(o.dir, e) || !store_open(&o, &m.into, e))
		return false;
	struct arena arena = {0};
	struct seal_options seal = master_options(&a->config, o.dir, &arena);
	bool ok = seal_start(m.into, &seal, e) && project_import(&m, e);
	arena_free(&arena);
	store_close(m.into);
	progress_end();
	if (ok)
		printf("%s: %lld rows, %lld files\n", m.name, (long long)m.rows, (long long)m.files);
	if (ok && new_ids)
		printf("%lld ids are new, %lld places in texts name them\n", (long long)m.keys, (long long)m.texts);
	return ok;
}

int import_command(int argc, char **argv)
{
	const char *project = NULL;
	bool new_ids = false;
	const struct own_flag own[] = {
	    {"--project", "-p", &project, NULL, NULL}, {.name = "--new-ids", .on = &new_ids}, {0}};
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, own, &e);
	if (ok && a.help)
		help_for("import");
	else
		ok = ok && import_cmd_run(&a, project, new_ids, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
