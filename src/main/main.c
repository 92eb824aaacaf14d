/* main.c - the command table. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "main/commands.h"
#include "main/config.h"
#include "main/help.h"
#include "main/query.h"
#include "wire/fields.h"

enum { LARGE = 128 * 1024 }; /* bytes; see main() */

static const struct command {
	struct str name;
	int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, args, help, more) {STR(#name), name##_command},
#include "main/commands.def"
#undef COMMAND
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const struct command *find_command(struct str name)
{
	for (int i = 0; i < N_COMMANDS; i++)
		if (str_eq(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int unknown_command(struct str name)
{
	const char *near = NULL;
	unsigned least = 3;
	for (int i = 0; i < N_COMMANDS; i++) {
		unsigned far = near_distance(name, commands[i].name);
		if (far < least) {
			least = far;
			near = commands[i].name.p;
		}
	}
	fprintf(stderr, "antiphon: no command '%.*s'", FMT(name));
	fprintf(stderr, near ? "; did you mean '%s'?\n" : "; see antiphon --help\n", near);
	return 2;
}

int help_command(int argc, char **argv)
{
	struct str what = argc < 2 ? S("") : str_of(argv[1]);
	if (argc < 2 || str_eq(what, S("--help")) || str_eq(what, S("-h")))
		return help_all(stdout);
	if (str_eq(what, S("settings"))) {
		config_print(stdout);
		return 0;
	}
	return find_command(what) ? help_for(argv[1]) : unknown_command(what);
}

int version_command(int argc, char **argv)
{
	printf("antiphon %s\n", ANTIPHON_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	struct str word = argc > 1 ? str_of(argv[1]) : S("");
	if (argc < 2) {
		help_all(stderr);
		return 2;
	}
	if (str_eq(word, S("--help")) || str_eq(word, S("-h")))
		return help_all(stdout);
	if (str_eq(word, S("--version")) || str_eq(word, S("-V")))
		return version_command(argc, argv);
	/* Once set, the C library leaves it there: else one large answer makes it keep the memory of all that follow. */
	mallopt(M_MMAP_THRESHOLD, LARGE);
	const struct command *c = find_command(word);
	return c ? c->run(argc - 1, argv + 1) : unknown_command(word);
}
