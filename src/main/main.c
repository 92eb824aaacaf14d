/* main.c - the command table. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "main/commands.h"
#include "main/config.h"
#include "main/query.h"
#include "wire/fields.h"

enum { LARGE = 128 * 1024 }; /* bytes; see main() */

static int help_command(int argc, char **argv);
static int version_command(int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *args, *help, *more; /* more: what `antiphon help NAME` adds */
} commands[] = {
    {"serve", serve_command, "[flags]", "answer the API",
     "  --listen HOST:PORT       default 127.0.0.1:8080 and [::1]:8080; port 0: any free one; repeatable\n"
     "  --data DIR               where responses and keys are kept\n"
     "  --engine URL             an engine that speaks Chat Completions; repeatable\n"
     "  --model FILE.gguf        a model of your own on the engine that Antiphon brings along\n"
     "  --ctx N                  tokens a conversation may have with it (4096)\n"
     "  --config FILE            settings in YAML (antiphon help settings)\n"
     "  --tls-cert F --tls-key F serve https\n"
     "  --allow-anonymous        without API keys answer everybody, not this machine alone\n"
     "  --log-format text|json   form of the log on stderr\n"
     "  --set section.name=value any setting; repeatable\n"},
    {"keys", keys_command, "create NAME [--project P] | list | revoke ID", "API keys",
     "  create NAME [--project P]  makes a key and prints it once; keys of one project share its state\n"
     "  list                       every key, newest first, without its secret\n"
     "  revoke ID                  counts at once; deletes nothing\n"},
    {"prompts", prompts_command, "create NAME [TEXT] | version ID [TEXT] | list | show ID | delete ID", "prompt templates of the running server",
     "  create NAME [TEXT] [-f FILE]  a template; TEXT: its instructions, FILE: JSON as POST /v1/prompts takes it\n"
     "  version ID [TEXT] [-f FILE]   its next version, which becomes the default one\n"
     "  list\n"
     "  show ID [--version N]\n"
     "  delete ID\n"
     "{{name}} in a template's texts is a variable. OPENAI_BASE_URL and OPENAI_API_KEY name another server or project.\n"},
    {"ask", ask_command, "[TEXT]", "ask the running server; without TEXT on a terminal: talk",
     "  --previous ID   continue the response with this id\n"
     "  -c              continue the last answer you got\n"
     "  -f FILE         attach a file (text, image, other); repeatable\n"
     "  --model M       default: the server's first model\n"
     "  --json          print the response object instead of its text\n"
     "Standard input is appended to TEXT when it is no terminal. OPENAI_BASE_URL and OPENAI_API_KEY name another\n"
     "server. Status: 0 completed, 1 failed, 2 wrong usage, 3 incomplete, 4 cancelled, 5 no server.\n"},
    {"check", check_command, "[--engine URL] [--for codex]", "what is wrong, and how to mend it",
     "  --engine URL    try an engine: tools, parallel calls, schema, context, vision, tokens a second\n"
     "  --for codex     ... and say whether it is enough for Codex\n"},
    {"env", env_command, "", "two export lines for clients: eval \"$(antiphon env)\"", ""},
    {"codex", codex_command, "[MODEL]", "Codex's settings: antiphon codex > ~/.codex/config.toml",
     "Prints a config.toml for the running server and writes the model catalog that it names into the data folder.\n"
     "MODEL: default: the server's first. A context under 32768 tokens is refused: Codex would fill it at once.\n"},
    {"help", help_command, "[COMMAND | settings]", "more about a command; every setting", ""},
    {"version", version_command, "", "the version", ""},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const struct command *find_command(struct str name)
{
	for (int i = 0; i < N_COMMANDS; i++)
		if (str_eq(str_of(commands[i].name), name))
			return &commands[i];
	return NULL;
}

/* Fits a screen of 24 lines of 80. */
static int help_all(FILE *out)
{
	fprintf(out, "antiphon: a server of your own for OpenAI's Responses API\n\n");
	for (int i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  antiphon %-8s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\nCommon flags (all of a command: antiphon help COMMAND):\n"
		     "  --data DIR         where responses and keys are kept\n"
		     "  --engine URL       an engine that speaks Chat Completions\n"
		     "  --model FILE.gguf  a model of your own on the engine brought along\n"
		     "  --listen HOST:PORT default 127.0.0.1:8080\n"
		     "  --config FILE      settings in YAML; --set section.name=value\n\n"
		     "Examples:\n"
		     "  antiphon serve --engine http://127.0.0.1:11434\n"
		     "  antiphon ask \"What is the capital of France?\"\n");
	return 0;
}

int help_for(const char *command)
{
	const struct command *c = find_command(str_of(command));
	printf("antiphon %s%s%s\n  %s\n\n%s", c->name, *c->args ? " " : "", c->args, c->help, c->more);
	if (!strcmp(command, "serve"))
		printf("\nThe first line on stdout is `listening on http://HOST:PORT`; the log goes to stderr.\n");
	return 0;
}

static int unknown_command(struct str name)
{
	const char *near = NULL;
	unsigned least = 3;
	for (int i = 0; i < N_COMMANDS; i++) {
		unsigned far = near_distance(name, str_of(commands[i].name));
		if (far < least) {
			least = far;
			near = commands[i].name;
		}
	}
	fprintf(stderr, "antiphon: no command '%.*s'", FMT(name));
	fprintf(stderr, near ? "; did you mean '%s'?\n" : "; see antiphon --help\n", near);
	return 2;
}

static int help_command(int argc, char **argv)
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

static int version_command(int argc, char **argv)
{
	printf("antiphon %s\n", ANTIPHON_VERSION);
	return 0;
}

void complain(const struct err *e)
{
	fprintf(stderr, "antiphon: %s\n", e->msg);
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
