/* config_rows.c - the rows of config.def: found by name, and set from text. */
#include "main/config_rows.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "wire/fields.h"

#define SETTING(section_, name_, kind_, def_, least_, largest_, help_)                                                 \
	{.section = #section_,                                                                                         \
	 .name = #name_,                                                                                               \
	 .kind = SETTING_##kind_,                                                                                      \
	 .at = offsetof(struct OWNER_STRUCT, section_##_##name_),                                                      \
	 .def = def_,                                                                                                  \
	 .least = least_,                                                                                              \
	 .largest = largest_,                                                                                          \
	 .help = help_},
#define CHOICE(section_, name_, def_, words_, help_)                                                                   \
	{.section = #section_,                                                                                         \
	 .name = #name_,                                                                                               \
	 .kind = SETTING_CHOICE,                                                                                       \
	 .at = offsetof(struct OWNER_STRUCT, section_##_##name_),                                                      \
	 .def = def_,                                                                                                  \
	 .words = words_,                                                                                              \
	 .help = help_},

#define OWNER_STRUCT config
const struct setting config_rows[] = {
#include "main/config.def"
    {0}};
#undef OWNER_STRUCT
#define OWNER_STRUCT config_engine
const struct setting engine_rows[] = {
#include "main/engine_config.def"
    {0}};
#undef OWNER_STRUCT
#undef SETTING
#undef CHOICE

static bool word_in(const char *words, struct str v)
{
	for (struct str rest = str_of(words); rest.n;)
		if (str_eq(str_cut(&rest, '|'), v))
			return true;
	return false;
}

/* The booleans of YAML 1.1 (yaml.org/type/bool.html) in any case, and digits. */
static bool flag_from(struct str v, bool *ret)
{
	static const struct str yes[] = {STR("true"), STR("yes"), STR("on"), STR("y"), STR("1")},
				no[] = {STR("false"), STR("no"), STR("off"), STR("n"), STR("0")};
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (str_eq_nocase(v, yes[i]) || str_eq_nocase(v, no[i])) {
			*ret = str_eq_nocase(v, yes[i]);
			return true;
		}
	return false;
}

static bool number_from(struct str v, double *ret)
{
	char text[64], *end;
	if (!v.n || v.n >= sizeof text)
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = 0;
	*ret = strtod(text, &end);
	return !*end && isfinite(*ret);
}

static bool in_range(const struct setting *s, double v)
{
	return s->least == s->largest || (v >= s->least && v <= s->largest);
}

/* Splits at commas; blanks around elements and empty elements go. */
static struct config_list list_from(struct arena *a, struct str v)
{
	struct config_list l = {new_array(a, struct str, v.n / 2 + 1), 0};
	while (v.n) {
		struct str one = str_trim(str_cut(&v, ','));
		if (one.n)
			l.at[l.n++] = str_copy(a, one);
	}
	return l;
}

bool setting_set(const struct setting *s, struct arena *a, void *owner, struct str value, const char *where,
		 struct err *e)
{
	void *to = (char *)owner + s->at;
	int64_t i = 0;
	double d = 0;
	switch (s->kind) {
	case SETTING_TEXT:
		*(struct str *)to = str_copy(a, value);
		return true;
	case SETTING_LIST:
		*(struct config_list *)to = list_from(a, value);
		return true;
	case SETTING_CHOICE:
		if (!word_in(s->words, value))
			return fail(e, ERR_CONFIG, NULL, "%s: %s.%s must be one of %s, not '%.*s'", where, s->section,
				    s->name, s->words, FMT(value));
		*(struct str *)to = str_copy(a, value);
		return true;
	case SETTING_FLAG:
		return flag_from(value, to) || fail(e, ERR_CONFIG, NULL, "%s: %s.%s must be true or false, not '%.*s'",
						    where, s->section, s->name, FMT(value));
	case SETTING_INT:
		if (!str_int(value, &i) || !in_range(s, (double)i))
			return fail(e, ERR_CONFIG, NULL,
				    "%s: %s.%s must be a whole number from %.0f to %.0f, not '%.*s'", where, s->section,
				    s->name, s->least, s->largest, FMT(value));
		*(int64_t *)to = i;
		return true;
	case SETTING_NUMBER:
		if (!number_from(value, &d) || !in_range(s, d))
			return fail(e, ERR_CONFIG, NULL, "%s: %s.%s must be a number from %g to %g, not '%.*s'", where,
				    s->section, s->name, s->least, s->largest, FMT(value));
		*(double *)to = d;
		return true;
	}
	assert(!"a kind without a rule");
	return false;
}

const struct setting *setting_find(const struct setting *rows, struct str section, struct str name)
{
	for (const struct setting *s = rows; s->name; s++)
		if (str_eq(str_of(s->section), section) && str_eq(str_of(s->name), name))
			return s;
	return NULL;
}

/* The nearest row to "section.name": by spelling, else any row that has the same name. */
static const struct setting *setting_near(const struct setting *rows, struct str full)
{
	const struct setting *best = NULL;
	unsigned least = 4;
	struct str last = full;
	while (str_find(last, '.') < last.n)
		str_cut(&last, '.');
	for (const struct setting *s = rows; s->name; s++) {
		char text[96];
		snprintf(text, sizeof text, "%s.%s", s->section, s->name);
		unsigned far = near_distance(full, str_of(text));
		if (str_eq(last, str_of(s->name)))
			far = far < 1 ? far : 1;
		if (far < least) {
			least = far;
			best = s;
		}
	}
	return best;
}

bool setting_unknown(const struct setting *rows, struct str full, const char *where, struct err *e)
{
	const struct setting *near = setting_near(rows, full);
	if (near)
		return fail(e, ERR_CONFIG, NULL, "%s: unknown setting '%.*s'; did you mean '%s.%s'?", where, FMT(full),
			    near->section, near->name);
	return fail(e, ERR_CONFIG, NULL, "%s: unknown setting '%.*s'; `antiphon help settings` lists them", where,
		    FMT(full));
}
