/* config.c - the settings: one table (config.def) behind YAML, environment and flags. */
#include "main/config.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/lookup.h"
#include "main/config_rows.h"
#include "wire/fields.h"

/* Names that OpenAI's own clients ask for; they go to the default model. */
static const char *const default_aliases[] = {"gpt-*", "chatgpt-*", "o[0-9]*", "codex-*", "computer-use-*"};

void config_init(struct config *c)
{
	*c = (struct config){0};
	struct err e = {0};
	for (const struct setting *s = config_rows; s->name; s++) {
		bool ok = setting_set(s, &c->arena, c, str_of(s->def), "default", &e);
		assert(ok); /* config.def holds a default outside its own range */
		(void)ok;
	}
	size_t n = sizeof default_aliases / sizeof *default_aliases;
	c->aliases = new_array(&c->arena, struct engine_alias, n);
	for (size_t i = 0; i < n; i++)
		c->aliases[c->n_aliases++].pattern = str_of(default_aliases[i]);
}

void config_release(struct config *c)
{
	arena_free(&c->arena);
	*c = (struct config){0};
}

struct config_engine *config_engine_at(struct config *c, size_t i)
{
	assert(i <= c->n_engines);
	if (i < c->n_engines)
		return &c->engines[i];
	struct config_engine *more = new_array(&c->arena, struct config_engine, c->n_engines + 1);
	if (c->n_engines)
		memcpy(more, c->engines, c->n_engines * sizeof *more);
	c->engines = more;
	struct err e = {0};
	for (const struct setting *s = engine_rows; s->name; s++)
		setting_set(s, &c->arena, &more[i], str_of(s->def), "default", &e);
	c->n_engines++;
	return &more[i];
}

void config_alias(struct config *c, struct str pattern, struct str model)
{
	struct engine_alias *more = new_array(&c->arena, struct engine_alias, c->n_aliases + 1);
	/* A new pattern goes first: what the operator says beats the defaults. */
	size_t n = 1;
	for (size_t i = 0; i < c->n_aliases; i++)
		if (!str_eq(c->aliases[i].pattern, pattern))
			more[n++] = c->aliases[i];
	more[0] = (struct engine_alias){str_copy(&c->arena, pattern), {0}};
	if (model.n)
		more[0].model = str_copy(&c->arena, model);
	c->aliases = more;
	c->n_aliases = n;
}

/* "engines[2].url": the row's index and the field's name. */
static bool engine_name(struct config *c, struct str name, size_t *i, struct str *field)
{
	int64_t at = 0;
	struct str rest = {name.p + 8, name.n - 8};
	if (!str_int(str_cut(&rest, ']'), &at) || at < 0 || (size_t)at > c->n_engines || rest.n < 2 || rest.p[0] != '.')
		return false;
	*i = (size_t)at;
	*field = (struct str){rest.p + 1, rest.n - 1};
	return true;
}

static bool config_put_list(struct config *c, struct str name, const struct str *values, size_t n, const char *where,
			    struct err *e)
{
	struct str field = name, one = n ? values[0] : S("");
	void *owner = c;
	const struct setting *rows = config_rows, *s;
	size_t i = 0;
	if (str_starts(name, S("aliases.")) && n == 1) {
		config_alias(c, (struct str){name.p + 8, name.n - 8}, one);
		return true;
	}
	if (str_starts(name, S("engines["))) {
		if (!engine_name(c, name, &i, &field))
			return fail(e, ERR_CONFIG, NULL,
				    "%s: '%.*s' must look like engines[0].url, without gaps in the numbers", where,
				    FMT(name));
		rows = engine_rows;
		s = setting_find(rows, S("engines"), field);
		owner = s ? config_engine_at(c, i) : NULL;
	} else {
		struct str section = str_cut(&field, '.');
		s = setting_find(rows, section, field);
	}
	if (!s) {
		struct str full = rows == engine_rows ? str_fmt(&c->arena, "engines.%.*s", FMT(field)) : name;
		return setting_unknown(rows, full, where, e);
	}
	if (s->kind == SETTING_LIST && n != 1) {
		struct config_list l = {new_array(&c->arena, struct str, n + 1), 0};
		for (; l.n < n; l.n++)
			l.at[l.n] = str_copy(&c->arena, values[l.n]);
		*(struct config_list *)((char *)owner + s->at) = l;
		return true;
	}
	if (n != 1)
		return fail(e, ERR_CONFIG, NULL, "%s: %.*s takes one value, not a list", where, FMT(name));
	return setting_set(s, &c->arena, owner, one, where, e);
}

void config_came_from(struct config *c, struct str name, const char *where)
{
	if (c->n_origins == c->cap_origins) {
		struct config_origin *more = new_array(&c->arena, struct config_origin, c->cap_origins * 2 + 16);
		if (c->n_origins)
			memcpy(more, c->origins, c->n_origins * sizeof *more);
		c->origins = more;
		c->cap_origins = c->cap_origins * 2 + 16;
	}
	c->origins[c->n_origins++] = (struct config_origin){str_copy(&c->arena, name), str_copy(&c->arena, str_of(where))};
}

bool config_set_list(struct config *c, struct str name, const struct str *values, size_t n, const char *where,
		     struct err *e)
{
	if (!config_put_list(c, name, values, n, where, e))
		return false;
	config_came_from(c, name, where);
	return true;
}

bool config_set(struct config *c, struct str name, struct str value, const char *where, struct err *e)
{
	return config_set_list(c, name, &value, 1, where, e);
}

static bool think_tags_ok(const struct config_engine *in)
{
	const struct config_list *l = &in->engines_think_tags;
	if (!l->n)
		return !in->engines_starts_thinking;
	return l->n == 2 && l->at[0].n && l->at[1].n && !str_eq(l->at[0], l->at[1]);
}

bool config_check(struct config *c, struct err *e)
{
	if (!c->server_tls_cert.n != !c->server_tls_key.n)
		return fail(e, ERR_CONFIG, NULL,
			    "server.tls_cert and server.tls_key (--tls-cert, --tls-key) go together");
	if (!c->server_listen.n)
		return fail(e, ERR_CONFIG, NULL, "server.listen is empty");
	for (size_t i = 0; i < c->n_engines; i++)
		if (!c->engines[i].engines_url.n)
			return fail(e, ERR_CONFIG, NULL, "engines[%zu] has no url", i);
	for (size_t i = 0; i < c->n_engines; i++)
		for (size_t k = 0; k < c->engines[i].engines_url.n; k++)
			if (!lookup_check(c->engines[i].engines_url.at[k], e))
				return false;
	for (size_t i = 0; i < c->engine_url.n; i++)
		if (!lookup_check(c->engine_url.at[i], e))
			return false;
	for (size_t i = 0; i < c->n_engines; i++)
		if (!think_tags_ok(&c->engines[i]))
			return fail(e, ERR_CONFIG, NULL,
				    "engines[%zu].think_tags must be two tags, the opening and the closing one, for "
				    "example <think>,</think>; starts_thinking needs them",
				    i);
	if ((c->n_engines || c->engine_url.n) && c->engine_model.n)
		return fail(e, ERR_CONFIG, NULL,
			    "engine.model (--model) is for the managed engine, but there are engines by URL too: give "
			    "one of both");
	if ((c->n_engines || c->engine_url.n) && c->engine_template.n)
		return fail(e, ERR_CONFIG, NULL, "engine.template is for the managed engine, but there are engines by URL");
	return true;
}

static const char *const *pass_list(struct arena *a, const struct config_list *l)
{
	if (!l->n)
		return NULL;
	const char **out = new_array(a, const char *, l->n + 1);
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (!str_eq(l->at[i], S("none")))
			out[n++] = str_copy(a, l->at[i]).p;
	return out;
}

static struct str config_host_of(struct str url)
{
	struct str rest = url;
	for (size_t i = 0; i + 3 <= url.n; i++)
		if (!memcmp(url.p + i, "://", 3))
			rest = (struct str){url.p + i + 3, url.n - i - 3};
	return str_cut(&rest, '/');
}

/* Absent strings are {0} in the floors below. */
static struct str config_given(struct str s)
{
	return s.n ? s : (struct str){0};
}

static struct think_tags think_tags(const struct config_engine *in)
{
	if (!in->engines_think_tags.n)
		return (struct think_tags){0};
	return (struct think_tags){in->engines_think_tags.at[0], in->engines_think_tags.at[1], in->engines_starts_thinking};
}

const struct ability_config *config_abilities(const struct config *c, struct arena *a)
{
	struct ability_config all[] = {
#define ABILITY(NAME, name, help)                                                                                     \
	{.url = c->name##_engine,                                                                                     \
	 .key = str_of(c->name##_key_env.n ? getenv(c->name##_key_env.p) : NULL),                                     \
	 .models = c->name##_models.at,                                                                               \
	 .n_models = c->name##_models.n},
#include "engine/abilities.def"
#undef ABILITY
	};
	enum { N = sizeof all / sizeof *all };
	all[ABILITY_IMAGES].family = c->images_family;
	struct ability_config *ret = new_array(a, struct ability_config, N);
	memcpy(ret, all, sizeof all);
	return ret;
}

struct engines_config config_engines(const struct config *c, struct arena *a)
{
	struct engine_config *out = new_array(a, struct engine_config, c->n_engines + c->engine_url.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < c->n_engines; i++) {
		const struct config_engine *in = &c->engines[i];
		const char *from_env = in->engines_key_env.n ? getenv(in->engines_key_env.p) : NULL;
		out[n++] = (struct engine_config){
		    .name = in->engines_name.n      ? in->engines_name
			    : in->engines_url.n > 1 ? str_fmt(a, "fleet-%zu", i + 1)
						    : config_host_of(in->engines_url.at[0]),
		    .url = in->engines_url.at[0],
		    .members = in->engines_url.at + 1,
		    .n_members = in->engines_url.n - 1,
		    .key = from_env ? str_copy(a, str_of(from_env)) : config_given(in->engines_key),
		    .models = in->engines_models.n ? in->engines_models.at : NULL,
		    .n_models = in->engines_models.n,
		    .default_model = config_given(in->engines_default_model),
		    .pass = pass_list(a, &in->engines_pass),
		    .concurrency = in->engines_concurrency,
		    .connect_ms = in->engines_connect_ms,
		    .first_byte_ms = in->engines_first_byte_ms,
		    .idle_ms = in->engines_idle_ms,
		    .total_ms = in->engines_total_ms,
		    .fetches_urls = in->engines_fetches_urls,
		    .schema_prompt = str_eq(in->engines_schema, S("prompt")),
		    .dialect = in->engines_dialect,
		    .traits = in->engines_traits.at,
		    .n_traits = in->engines_traits.n,
		    .think = think_tags(in),
		    .system = config_given(in->engines_system),
		    .temperature = in->engines_temperature,
		    .max_tokens = in->engines_max_tokens,
		};
	}
	for (size_t i = 0; i < c->engine_url.n; i++)
		out[n++] = (struct engine_config){
		    .name = config_host_of(c->engine_url.at[i]),
		    .url = c->engine_url.at[i],
		    .key = config_given(c->engine_key),
		    .temperature = -1,
		};
	return (struct engines_config){out, n, c->aliases, c->n_aliases, config_given(c->engine_default_model), config_given(c->fleet_resolver)};
}

static void config_print_row(FILE *out, const struct setting *s)
{
	static const char *const kinds[] = {"text", "number", "number", "true|false", "list", ""};
	char name[96];
	bool engine = !strcmp(s->section, "engines");
	snprintf(name, sizeof name, "%s%s.%s", s->section, engine ? "[]" : "", s->name);
	fprintf(out, "  %-28s %s\n", name, s->help);
	fprintf(out, "  %-28s   %s", "", s->kind == SETTING_CHOICE ? s->words : kinds[s->kind]);
	if (s->kind == SETTING_INT)
		fprintf(out, " %.0f..%.0f", s->least, s->largest);
	fprintf(out, *s->def ? ", default %s\n" : "\n", s->def);
}

void config_print(FILE *out)
{
	fprintf(out, "Settings, as section.name. Four ways to give one, the later wins:\n"
		     "  YAML file (--config FILE)  net:\n                               head_bytes: 65536\n"
		     "  environment                ANTIPHON_NET_HEAD_BYTES=65536\n"
		     "  flags                      --listen, --data, --engine, --model ...\n"
		     "  any of them                --set net.head_bytes=65536\n\n");
	for (const struct setting *s = config_rows; s->name; s++)
		config_print_row(out, s);
	fprintf(out, "\nYAML list `engines`, one mapping an engine:\n");
	for (const struct setting *s = engine_rows; s->name; s++)
		config_print_row(out, s);
	fprintf(out,
		"\nYAML mapping `aliases`, pattern: model (empty: the default model). Patterns known without it:\n ");
	for (size_t i = 0; i < sizeof default_aliases / sizeof *default_aliases; i++)
		fprintf(out, " %s", default_aliases[i]);
	fprintf(out, "\n");
}
