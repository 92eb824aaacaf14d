/* dialect.c - what families of engines differ in, as data. */
#include "engine/dialect.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"

static const struct trait_row {
	struct str name, values;
} trait_rows[] = {
#define TRAIT(NAME, wire, values, help) {STR(wire), STR(values)},
#include "engine/dialects.def"
#undef TRAIT
};

static const struct dialect_row {
	struct str name, hosts, owner, traits;
} dialect_rows[] = {
#define DIALECT(NAME, wire, hosts, owner, traits) {STR(wire), STR(hosts), STR(owner), STR(traits)},
#include "engine/dialects.def"
#undef DIALECT
};

static const struct field_row {
	struct str name;
	enum trait trait;
	struct str value;
} field_rows[] = {
#define REFUSED(name, TRAIT, value) {STR(name), TRAIT_##TRAIT, STR(value)},
#include "engine/dialects.def"
#undef REFUSED
};

enum dialect dialect_named(struct str name)
{
	enum dialect d = 0;
	while (d < DIALECTS && !str_eq(dialect_rows[d].name, name))
		d++;
	return d;
}

static bool is_below(struct str host, struct str domain)
{
	if (domain.p[0] != '.')
		return str_eq_nocase(host, domain);
	struct str end = {host.p + host.n - domain.n, domain.n};
	return host.n > domain.n && str_eq_nocase(end, domain);
}

enum dialect dialect_of_host(struct str host)
{
	for (enum dialect d = 0; d < DIALECTS; d++) {
		struct str left = dialect_rows[d].hosts;
		while (left.n) {
			struct str one = str_cut(&left, ' ');
			if (one.n && is_below(host, one))
				return d;
		}
	}
	return DIALECT_GENERIC;
}

enum dialect dialect_of_owner(struct str owner)
{
	for (enum dialect d = 0; owner.n && d < DIALECTS; d++)
		if (str_eq(dialect_rows[d].owner, owner))
			return d;
	return DIALECT_GENERIC;
}

struct str dialect_name(enum dialect d)
{
	return dialect_rows[d].name;
}

/* The place of a value in a row; -1. */
static int value_at(enum trait t, struct str value)
{
	struct str left = trait_rows[t].values;
	for (int i = 0; left.n; i++)
		if (str_eq(str_cut(&left, ' '), value))
			return i;
	return -1;
}

static struct str dialect_value_of(enum trait t, int at)
{
	struct str left = trait_rows[t].values, one = {0};
	for (int i = 0; i <= at; i++)
		one = str_cut(&left, ' ');
	return one;
}

bool trait_set(struct traits *t, struct str setting, struct err *e)
{
	struct str value = setting, name = str_cut(&value, '=');
	for (enum trait k = 0; k < TRAITS; k++) {
		int at = value_at(k, value);
		if (!str_eq(trait_rows[k].name, name))
			continue;
		if (at < 0)
			return fail(e, ERR_CONFIG, NULL, "the trait '%.*s' is one of: %.*s", FMT(name),
				    FMT(trait_rows[k].values));
		t->of[k] = (unsigned char)at;
		return true;
	}
	return fail(e, ERR_CONFIG, NULL, "there is no trait '%.*s' (docs/engines.md lists them)", FMT(name));
}

struct traits dialect_traits(enum dialect d)
{
	struct traits t = {0};
	struct err none = {0}; /* dialect_test.c sets every row */
	struct str left = dialect_rows[d].traits;
	while (left.n)
		trait_set(&t, str_cut(&left, ' '), &none);
	return t;
}

struct str traits_text(struct arena *a, const struct traits *t)
{
	struct buf b;
	buf_init(&b, 4096);
	for (enum trait k = 0; k < TRAITS; k++)
		buf_fmt(&b, "%s%.*s=%.*s", k ? " " : "", FMT(trait_rows[k].name), FMT(dialect_value_of(k, t->of[k])));
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

static bool is_basic(struct str effort)
{
	return str_eq(effort, S("low")) || str_eq(effort, S("medium")) || str_eq(effort, S("high"));
}

bool traits_effort(const struct traits *t, struct str effort)
{
	int how = t->of[TRAIT_EFFORT];
	return effort.n && (how == EFFORT_YES || (how == EFFORT_BASIC && is_basic(effort)));
}

/* --- refusals ------------------------------------------------------------------------------------------- */

/* Behind `"reasoning_effort":`. */
static bool basic_was_sent(struct str rest)
{
	if (rest.n && rest.p[0] == '"')
		rest = (struct str){rest.p + 1, rest.n - 1};
	return is_basic(str_cut(&rest, '"'));
}

static bool dialect_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name by itself, not as a part of a longer one. */
static bool names(struct str text, struct str name)
{
	for (size_t i = 0; i + name.n <= text.n; i++)
		if (!memcmp(text.p + i, name.p, name.n) && (!i || !dialect_is_word(text.p[i - 1])) &&
		    (i + name.n == text.n || !dialect_is_word(text.p[i + name.n])))
			return true;
	return false;
}

/* Is it the member itself that is refused, not how large its value is? */
static bool refuses_member(struct str text)
{
	static const char *const words[] = {
	    "unsupported",  "not supported", "unknown",        "unrecognized", "not permitted",         "extra inputs",
	    "extra fields", "unexpected",    "not allowed",    "no such",      "additional properties", "instead",
	    "must be",      "does not take", "cannot be used", "same value",   "invalid field",         "should be"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		for (size_t k = 0, n = strlen(words[i]); k + n <= text.n; k++)
			if (!strncasecmp(text.p + k, words[i], n))
				return true;
	return false;
}

bool traits_learn(const struct traits *t, struct str answer, struct str body, unsigned *tried, enum trait *which,
		  unsigned char *value)
{
	if (!refuses_member(answer))
		return false;
	for (size_t i = 0; i < sizeof field_rows / sizeof *field_rows; i++) {
		const struct field_row *row = &field_rows[i];
		struct buf b;
		int at = value_at(row->trait, row->value);
		if (*tried & (1u << i) || t->of[row->trait] == at || !names(answer, row->name))
			continue;
		buf_init(&b, 256);
		buf_fmt(&b, "\"%.*s\":", FMT(row->name));
		const char *sent = body.n ? memmem(body.p, body.n, b.p, b.n) : NULL;
		struct str rest = sent ? (struct str){sent + b.n, body.n - (size_t)(sent - body.p) - b.n} : S("");
		buf_release(&b);
		if (!sent || (row->trait == TRAIT_EFFORT && at == EFFORT_BASIC && basic_was_sent(rest)))
			continue;
		*tried |= 1u << i;
		*which = row->trait;
		*value = (unsigned char)at;
		return true;
	}
	return false;
}
