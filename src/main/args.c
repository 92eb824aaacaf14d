/* args.c - a command's arguments: flags that are settings, flags of its own, and words. */
#include "main/args.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/config_rows.h"
#include "main/config_yaml.h"
#include "wire/fields.h"

/* The short ways to common settings. */
static const struct setting_flag {
	const char *flag, *setting, *value; /* value: the flag takes none and means this */
} setting_flags[] = {
    {"--listen", "server.listen", NULL},
    {"--data", "store.dir", NULL},
    {"--store", "store.url", NULL},
    {"--engine", "engine.url", NULL},
    {"--model", "engine.model", NULL},
    {"--ctx", "engine.context", NULL},
    {"--tls-cert", "server.tls_cert", NULL},
    {"--tls-key", "server.tls_key", NULL},
    {"--allow-anonymous", "server.allow_anonymous", "true"},
    {"--log-format", "server.log_format", NULL},
    {"--log-level", "server.log_level", NULL},
    {"--config", NULL, NULL},
    {"--set", NULL, NULL},
    {"--help", NULL, ""},
};
enum { N_FLAGS = sizeof setting_flags / sizeof *setting_flags };

/* Variables that start with ANTIPHON_ but are no settings: ours, and those that Kubernetes puts into
 * every container beside a service called antiphon. */
static const char *const foreign_env[] = {"API_KEY", "MASTER_SECRET", "CONFIG",    "BIN",
					  "PORT",    "PORT_*",        "SERVICE_*", "TEST_*"};

static bool set_from_env(struct config *c, struct str name, struct str value, const char *where, struct err *e)
{
	char full[160];
	for (const struct setting *s = config_rows; s->name; s++) {
		int n = snprintf(full, sizeof full, "%s_%s", s->section, s->name);
		if (str_eq_nocase((struct str){full, (size_t)n}, name)) {
			full[strlen(s->section)] = '.';
			return config_set(c, (struct str){full, (size_t)n}, value, where, e);
		}
	}
	for (size_t i = 0; i < sizeof foreign_env / sizeof *foreign_env; i++)
		if (str_match(str_of(foreign_env[i]), name))
			return true;
	const struct setting *near = NULL;
	unsigned least = 4;
	struct str lower = str_copy(&c->arena, name);
	for (size_t i = 0; i < lower.n; i++)
		if (lower.p[i] >= 'A' && lower.p[i] <= 'Z')
			((char *)lower.p)[i] = (char)(lower.p[i] | 0x20);
	for (const struct setting *s = config_rows; s->name; s++) {
		snprintf(full, sizeof full, "%s_%s", s->section, s->name);
		unsigned far = near_distance(str_of(full), lower);
		if (far < least) {
			least = far;
			near = s;
		}
	}
	if (!near)
		return fail(e, ERR_CONFIG, NULL, "%s: no such setting; `antiphon help settings` lists them", where);
	snprintf(full, sizeof full, "%s_%s", near->section, near->name);
	for (char *p = full; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p & ~0x20);
	return fail(e, ERR_CONFIG, NULL, "%s: no such setting; did you mean ANTIPHON_%s?", where, full);
}

bool config_read_env(struct config *c, char *const *env, struct err *e)
{
	for (; *env; env++) {
		struct str value = str_of(*env), name = str_cut(&value, '=');
		char where[128];
		if (!str_starts(name, S("ANTIPHON_")) || name.n > 100)
			continue;
		snprintf(where, sizeof where, "%.*s", FMT(name));
		if (!set_from_env(c, (struct str){name.p + 9, name.n - 9}, value, where, e))
			return false;
	}
	return true;
}

struct flag_reader {
	struct args *a;
	const struct own_flag *own;
	char **argv;
	int at, argc;
	const char *config;  /* --config */
	bool given[N_FLAGS]; /* list flags replace what other sources said, then add up */
	bool settings;       /* second pass: settings are set; first: only --config is looked for */
};

/* The value of the flag at hand: after '=', or the next word. */
static bool flag_value(struct flag_reader *r, const char *flag, struct str inside, struct str *ret, struct err *e)
{
	if (inside.p) {
		*ret = inside;
		return true;
	}
	if (r->at + 1 >= r->argc)
		return fail(e, ERR_CONFIG, NULL, "%s needs a value", flag);
	*ret = str_of(r->argv[++r->at]);
	return true;
}

static bool set_pair(struct config *c, struct str pair, struct err *e)
{
	if (str_find(pair, '=') == pair.n)
		return fail(e, ERR_CONFIG, NULL, "--set wants section.name=value, not '%.*s'", FMT(pair));
	struct str name = str_cut(&pair, '=');
	return config_set(c, name, pair, "--set", e);
}

static void args_list_add(struct arena *a, struct config_list *l, struct str value)
{
	struct config_list more = {new_array(a, struct str, l->n + 1), 0};
	for (; more.n < l->n; more.n++)
		more.at[more.n] = l->at[more.n];
	more.at[more.n++] = str_copy(a, value);
	*l = more;
}

static bool take_setting(struct flag_reader *r, size_t i, struct str value, struct err *e)
{
	const struct setting_flag *f = &setting_flags[i];
	struct config *c = &r->a->config;
	if (!strcmp(f->flag, "--config")) {
		r->config = value.p;
		return true;
	}
	if (!r->settings)
		return true;
	if (!strcmp(f->flag, "--set"))
		return set_pair(c, value, e);
	struct str name = str_of(f->setting), section = str_cut(&name, '.');
	const struct setting *s = setting_find(config_rows, section, name);
	if (s->kind != SETTING_LIST)
		return config_set(c, str_of(f->setting), value, f->flag, e);
	struct config_list *l = (void *)((char *)c + s->at);
	if (!r->given[i])
		l->n = 0;
	r->given[i] = true;
	args_list_add(&c->arena, l, value);
	config_came_from(c, str_of(f->setting), f->flag);
	return true;
}

static bool unknown_flag(const struct flag_reader *r, struct str flag, struct err *e)
{
	const char *near = NULL;
	unsigned least = 4;
	for (size_t i = 0; i < N_FLAGS; i++) {
		unsigned far = near_distance(flag, str_of(setting_flags[i].flag));
		if (far < least) {
			least = far;
			near = setting_flags[i].flag;
		}
	}
	for (const struct own_flag *o = r->own; o && o->name; o++) {
		unsigned far = near_distance(flag, str_of(o->name));
		if (far < least) {
			least = far;
			near = o->name;
		}
	}
	if (near)
		return fail(e, ERR_CONFIG, NULL, "unknown flag '%.*s'; did you mean %s?", FMT(flag), near);
	return fail(e, ERR_CONFIG, NULL, "unknown flag '%.*s'; see antiphon --help", FMT(flag));
}

static bool take_flag(struct flag_reader *r, struct str word, struct err *e)
{
	struct str inside = {0}, flag = word, value = S("");
	if (str_find(word, '=') < word.n) {
		inside = word;
		flag = str_cut(&inside, '=');
	}
	for (const struct own_flag *o = r->own; o && o->name; o++) {
		if (!str_eq(flag, str_of(o->name)) && !(o->brief && str_eq(flag, str_of(o->brief))))
			continue;
		if ((o->value || o->list) && !flag_value(r, o->name, inside, &value, e))
			return false;
		if (o->list && r->settings) /* the second pass alone */
			args_list_add(&r->a->config.arena, o->list, value);
		if (o->value)
			*o->value = value.p;
		if (o->on)
			*o->on = true;
		return true;
	}
	if (str_eq(flag, S("-h")) || str_eq(flag, S("--help"))) {
		r->a->help = true;
		return true;
	}
	for (size_t i = 0; i < N_FLAGS; i++) {
		const struct setting_flag *f = &setting_flags[i];
		if (!str_eq(flag, str_of(f->flag)))
			continue;
		if (f->value)
			value = inside.p ? inside : str_of(f->value);
		else if (!flag_value(r, f->flag, inside, &value, e))
			return false;
		return take_setting(r, i, value, e);
	}
	return unknown_flag(r, flag, e);
}

static bool read_flags(struct flag_reader *r, struct err *e)
{
	r->a->n_words = 0;
	for (r->at = 1; r->at < r->argc; r->at++) {
		struct str word = str_of(r->argv[r->at]);
		if (str_eq(word, S("--"))) {
			while (++r->at < r->argc)
				r->a->words[r->a->n_words++] = r->argv[r->at];
		} else if (word.n < 2 || word.p[0] != '-') {
			r->a->words[r->a->n_words++] = r->argv[r->at];
		} else if (!take_flag(r, word, e)) {
			return false;
		}
	}
	return true;
}

bool args_read(struct args *a, int argc, char **argv, const struct own_flag *own, struct err *e)
{
	extern char **environ;
	*a = (struct args){0};
	config_init(&a->config);
	a->words = new_array(&a->config.arena, char *, (size_t)argc + 1);
	struct flag_reader r = {.a = a, .own = own, .argv = argv, .argc = argc};
	if (!read_flags(&r, e))
		return false;
	const char *path = r.config ? r.config : getenv("ANTIPHON_CONFIG");
	if (a->help)
		return true;
	if (path && *path && !config_read_yaml(&a->config, path, e))
		return false;
	r.settings = true;
	return config_read_env(&a->config, environ, e) && read_flags(&r, e) && config_check(&a->config, e);
}

void args_release(struct args *a)
{
	config_release(&a->config);
}

bool args_data_dir(struct args *a, struct str *ret, struct err *e)
{
	struct arena *arena = &a->config.arena;
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (a->config.store_dir.n)
		*ret = a->config.store_dir;
	else if (xdg && *xdg == '/')
		*ret = str_fmt(arena, "%s/antiphon/data", xdg);
	else if (home && *home)
		*ret = str_fmt(arena, "%s/.local/share/antiphon/data", home);
	else
		return fail(e, ERR_CONFIG, NULL, "no HOME in the environment: name the data folder with --data DIR");
	return true;
}
