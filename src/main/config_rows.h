/* config_rows.h - the rows of config.def as data, for the files that read settings (config*.c). */
#pragma once
#include "main/config.h"

enum setting_kind { SETTING_TEXT, SETTING_INT, SETTING_NUMBER, SETTING_FLAG, SETTING_LIST, SETTING_CHOICE };

struct setting {
	const char *section, *name;
	enum setting_kind kind;
	size_t at; /* offset of the member */
	const char *def;
	double least, largest; /* SETTING_INT, SETTING_NUMBER */
	const char *words;     /* SETTING_CHOICE: "a|b" */
	const char *help;
};

/* Both end with a row without a name. */
extern const struct setting config_rows[]; /* members of struct config */
extern const struct setting engine_rows[]; /* members of struct config_engine */

const struct setting *setting_find(const struct setting *rows, struct str section, struct str name);
/* Sets the member of `owner` from text; copies into `a`. */
bool setting_set(const struct setting *s, struct arena *a, void *owner, struct str value, const char *where,
		 struct err *e);
/* Fails, naming the near setting. */
bool setting_unknown(const struct setting *rows, struct str full, const char *where, struct err *e);
