/* backup_cmd.c - `antiphon backup FOLDER | FILE.tar | -`: a copy of the data folder, beside its server or without it. */
#include <stdio.h>
#include <unistd.h>

#include "backup/backup_tar.h"
#include "main/args.h"
#include "main/config_limits.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/progress.h"

static void backup_cmd_progress(void *ctx, const struct backup *b)
{
	char bytes[32], line[80];
	(void)ctx;
	snprintf(line, sizeof line, "%zu files, %s", b->files, progress_bytes(bytes, b->bytes));
	progress_say(line);
}

static bool backup_cmd_run(struct args *a, struct err *e)
{
	struct backup b = {.url = a->config.store_url.n ? a->config.store_url : (struct str){0},
			   .progress = backup_cmd_progress};
	struct str secret = a->config.store_master_secret_file;
	char bytes[32];
	if (a->n_words != 1)
		return fail(e, ERR_CONFIG, NULL, "backup wants a name for the copy: antiphon backup FOLDER, or FILE.tar, or - for its output");
	if (!args_data_dir(a, &b.dir, e))
		return false;
	b.to = str_of(a->words[0]);
	if (str_eq(b.to, S("-")) && isatty(STDOUT_FILENO))
		return fail(e, ERR_CONFIG, NULL, "a backup is no text for a terminal: antiphon backup - > FILE.tar");
	b.secret =
	    secret.n ? str_copy(&a->config.arena, secret) : str_fmt(&a->config.arena, "%.*s/master.key", FMT(b.dir));
	progress_say("the database");
	bool tar = backup_tar_wanted(b.to);
	bool ok = config_apply_limits(&a->config, e) && (tar ? backup_tar_make(&b, STDOUT_FILENO, e) : backup_make(&b, e));
	progress_end();
	if (!ok)
		return false;
	fprintf(str_eq(b.to, S("-")) ? stderr : stdout, "%.*s: the database, %zu files (%s), checked\n", FMT(b.to), b.files, progress_bytes(bytes, b.bytes));
	if (b.left)
		fprintf(stderr, "Left out: %zu files of containers that code in them removed or changed meanwhile.\n",
			b.left);
	if (b.elsewhere)
		fprintf(stderr,
			"%zu files lie where blobs.place says and are not in the copy: files-elsewhere.txt lists them.\n",
			b.elsewhere);
	if (b.without_key)
		fprintf(
		    stderr,
		    "The master secret is in no file: keep it beside the copy, or what was sealed cannot be read.\n");
	return true;
}

int backup_command(int argc, char **argv)
{
	struct args a;
	struct err e = {0};
	bool ok = args_read(&a, argc, argv, NULL, &e);
	if (ok && a.help)
		help_for("backup");
	else
		ok = ok && backup_cmd_run(&a, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
