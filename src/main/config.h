/* config.h - the settings: one table (config.def) behind YAML, environment and flags.
 *
 * Later sources win: defaults, the YAML file, the environment, flags. A struct config is filled at start
 * and constant afterwards; its strings live in its arena. An unknown setting is an error that names the near
 * one. Failures are ERR_CONFIG, their text names the place ("antiphon.yaml:12", "--set", a variable). */
#pragma once
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/abilities.h"

struct config_list {
	struct str *at;
	size_t n;
};

/* C types of the kinds in config.def. */
#define CONFIG_TEXT struct str
#define CONFIG_INT int64_t
#define CONFIG_NUMBER double
#define CONFIG_FLAG bool
#define CONFIG_LIST struct config_list
#define SETTING(section, name, kind, def, least, largest, help) CONFIG_##kind section##_##name;
#define CHOICE(section, name, def, words, help) struct str section##_##name;

struct config_engine { /* one row of `engines` */
#include "main/engine_config.def"
};

struct config_origin { /* of a setting that somebody gave; the last of a name counts */
	struct str name, where;
};

struct config { /* member of setting `net.head_bytes`: net_head_bytes */
#include "main/config.def"
	struct config_engine *engines;
	size_t n_engines;
	struct engine_alias *aliases; /* tried in order */
	size_t n_aliases;
	struct config_origin *origins;
	size_t n_origins, cap_origins;
	struct arena arena;
};
#undef SETTING
#undef CHOICE

/* Defaults; to be released. */
void config_init(struct config *c);
void config_release(struct config *c);

/* One setting from text: "net.head_bytes", "engines[0].url", "aliases.gpt-*". `where` names the source. */
bool config_set(struct config *c, struct str name, struct str value, const char *where, struct err *e);
/* A list setting from its elements, which may hold commas; other kinds want exactly one. */
bool config_set_list(struct config *c, struct str name, const struct str *values, size_t n, const char *where,
		     struct err *e);
/* Row i of `engines`; i may be one past the last, which makes a row of defaults. */
struct config_engine *config_engine_at(struct config *c, size_t i);
/* Puts an alias before those known; an equal pattern is replaced. */
void config_alias(struct config *c, struct str pattern, struct str model);
/* Somebody of that name set it by hand; config_set() says it by itself. */
void config_came_from(struct config *c, struct str name, const char *where);
/* Checks what concerns several settings (certificate with key, engines with URLs, ...). */
bool config_check(struct config *c, struct err *e);

/* What engines_open() wants: the list `engines`, then engine.url. In `a`. */
struct engines_config config_engines(const struct config *c, struct arena *a);
/* What abilities_open() wants. In `a`. */
const struct ability_config *config_abilities(const struct config *c, struct arena *a);
/* The whole table with defaults and help. */
void config_print(FILE *out);
