/* args.h - a command's arguments: flags that are settings, flags of its own, and words.
 *
 * Every command knows the flags of the settings (--data, --config, --set ...). Main thread. */
#pragma once
#include "main/config.h"

/* A flag of one command; ends with a row whose name is NULL. */
struct own_flag {
	const char *name;         /* "--previous" */
	const char *brief;        /* "-p" or NULL */
	const char **value;       /* the flag takes a value, put here; NULL: it takes none */
	bool *on;                 /* set to true when the flag stands there; may be NULL */
	struct config_list *list; /* the flag takes a value and may be repeated: put here */
};

struct args {
	struct config config;
	char **words; /* what is no flag, in order; borrowed from argv */
	int n_words;
	bool help; /* --help or -h */
};

/* Reads defaults, the YAML file (--config or ANTIPHON_CONFIG), the environment and argv[1..] in this order,
 * and checks the whole. args_release() in both cases. */
bool args_read(struct args *a, int argc, char **argv, const struct own_flag *own, struct err *e);
void args_release(struct args *a);

/* ANTIPHON_SECTION_NAME=value. `env` is NULL-terminated. */
bool config_read_env(struct config *c, char *const *env, struct err *e);
/* The data folder: store.dir or its default, in the config's arena. Fails without HOME. */
bool args_data_dir(struct args *a, struct str *ret, struct err *e);
