/* help.c - what the program says of its commands, and of what went wrong. */
#include "main/help.h"

#include <string.h>

static const struct help_text {
	const char *name, *args, *help, *more;
	bool also; /* named in the last line of the overview */
} texts[] = {
#define ALSO(name, args, help, more) {#name, args, help, more, true},
#define COMMAND(name, args, help, more) {#name, args, help, more, false},
#include "main/commands.def"
#undef COMMAND
};
enum { N_TEXTS = sizeof texts / sizeof *texts, COLUMNS = 80 };

/* Fits a screen of 24 lines of 80. */
int help_all(FILE *out)
{
	fprintf(out, "antiphon: a server of your own for OpenAI's Responses API\n\n");
	for (int i = 0; i < N_TEXTS; i++)
		if (!texts[i].also)
			fprintf(out, "  antiphon %-9s %s\n", texts[i].name, texts[i].help);
	int at = fprintf(out, "  and:");
	for (int i = 0; i < N_TEXTS; i++)
		if (texts[i].also) {
			if (at + 1 + (int)strlen(texts[i].name) > COLUMNS)
				at = fprintf(out, "\n      ") - 1;
			at += fprintf(out, " %s", texts[i].name);
		}
	fprintf(out, "\n\nMore of one, and its flags: antiphon help COMMAND. All take --data DIR,\n"
		     "--config FILE (settings in YAML) and --set section.name=value.\n"
		     "Example: antiphon serve --engine http://127.0.0.1:11434\n");
	return 0;
}

int help_for(const char *command)
{
	const struct help_text *c = texts;
	while (strcmp(c->name, command))
		c++;
	printf("antiphon %s%s%s\n  %s\n\n%s", c->name, *c->args ? " " : "", c->args, c->help, c->more);
	if (!strcmp(command, "serve"))
		printf("\nThe first line on stdout is `listening on http://HOST:PORT`; the log goes to stderr.\n");
	return 0;
}

void complain(const struct err *e)
{
	fprintf(stderr, "antiphon: %s\n", e->msg);
}
