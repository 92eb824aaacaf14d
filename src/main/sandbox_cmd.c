/* sandbox_cmd.c - `antiphon sandbox`: the Python packages that code in boxes has. */
#include <stdio.h>

#include "main/args.h"
#include "main/commands.h"
#include "main/help.h"
#include "session/packages.h"

enum { LIST_MAX = 1 << 20 };

static bool sandbox_list(const char *folder)
{
	struct buf b;
	buf_init(&b, LIST_MAX);
	packages_list(folder, &b);
	printf("%.*s\n", FMT(buf_str(&b)));
	if (!packages_there(folder))
		fprintf(stderr, "antiphon: what the system has; `antiphon sandbox install` brings numpy, pandas, "
				"matplotlib and more\n");
	buf_release(&b);
	return true;
}

static bool sandbox_do(const struct args *a, const char *folder, struct err *e)
{
	struct str what = str_of(a->n_words > 0 ? a->words[0] : "");
	if (str_eq(what, S("list")) && a->n_words == 1)
		return sandbox_list(folder);
	if (str_eq(what, S("install")) && a->n_words <= 2)
		return packages_install(folder, str_of(a->n_words > 1 ? a->words[1] : "standard"), e);
	return fail(e, ERR_CONFIG, NULL, "antiphon sandbox install [standard|full], or: antiphon sandbox list");
}

int sandbox_command(int argc, char **argv)
{
	struct args a;
	struct err e = {0};
	char folder[PACKAGES_FOLDER];
	bool ok = args_read(&a, argc, argv, NULL, &e);
	if (ok && a.help)
		help_for("sandbox");
	else if (ok)
		ok = (packages_folder(a.config.session_packages, folder) ||
		      fail(&e, ERR_CONFIG, NULL, "there is no HOME: name a folder by --set session.packages=DIR")) &&
		     sandbox_do(&a, folder, &e);
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
