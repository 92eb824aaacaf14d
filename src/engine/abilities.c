/* abilities.c - which engine does what is no chat. */
#include "engine/abilities.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/chat_error.h"
#include "engine/table.h"
#include "wire/json.h"

enum { NO_HOLDS_MS = 60000, DETAIL_MOST = 300 };

struct ability_engine {
	struct http_target target;
	struct str key, headers;
	const struct str *models;
	size_t n_models;
	struct str family;
};

/* What is known of a path: 0 nothing, -1 it is there, else until when (clock_mono_us() / 1000) it is not. */
struct abilities {
	struct ability_engine own[ABILITIES];
	struct ability_engine *chat; /* how the chat engines are asked */
	_Atomic int64_t *known;      /* ABILITY_PATHS of each chat engine, then of each of the above */
};

static const struct {
	const char *name, *help;
} ability_rows[] = {
#define ABILITY(NAME, name, help) {#name, help},
#include "engine/abilities.def"
#undef ABILITY
};
static const struct {
	enum ability ability;
	struct str url;
} path_rows[] = {
#define ABILITY_PATH(NAME, ABILITY, url) {ABILITY_##ABILITY, STR(url)},
#include "engine/abilities.def"
#undef ABILITY_PATH
};

/* --- opening --- */

static struct str ability_headers(struct arena *a, struct str key, bool azure)
{
	return str_fmt(a, "User-Agent: antiphon/" ANTIPHON_VERSION "\r\n%s%.*s%s",
		       !key.n  ? ""
		       : azure ? "api-key: "
			       : "Authorization: Bearer ",
		       FMT(key), key.n ? "\r\n" : "");
}

static bool ability_setup(struct engines *s, const struct ability_config *c, const char *name,
			  struct ability_engine *ret, struct err *e)
{
	if (!http_target_parse(&s->a, str_copy(&s->a, c->url), &ret->target, e))
		return false;
	for (size_t i = 0; i < c->key.n; i++)
		if ((unsigned char)c->key.p[i] < ' ' || c->key.p[i] == 0x7f)
			return fail(e, ERR_CONFIG, NULL, "the key of %s.engine holds control characters", name);
	struct str *models = new_array(&s->a, struct str, c->n_models + 1);
	for (size_t i = 0; i < c->n_models; i++) {
		models[i] = str_copy(&s->a, c->models[i]);
		if (str_find(models[i], '=') == models[i].n)
			return fail(e, ERR_CONFIG, NULL, "%s.models: '%.*s' is not NAME=MODEL", name, FMT(models[i]));
	}
	ret->models = models;
	ret->n_models = c->n_models;
	ret->family = c->family.n ? str_copy(&s->a, c->family) : (struct str){0};
	ret->key = c->key.n ? str_copy(&s->a, c->key) : (struct str){0};
	ret->headers = ability_headers(&s->a, ret->key, dialect_of_host(ret->target.host) == DIALECT_AZURE);
	return true;
}

bool abilities_open(struct engines *s, const struct ability_config *c, struct err *e)
{
	struct abilities *all = new (&s->a, struct abilities);
	s->abilities = all;
	all->known = new_array(&s->a, _Atomic int64_t, (s->n + ABILITIES) * ABILITY_PATHS);
	all->chat = new_array(&s->a, struct ability_engine, s->n + 1);
	for (size_t i = 0; i < s->n; i++) {
		const struct engine *g = &s->list[i];
		all->chat[i] = (struct ability_engine){
		    .target = g->seat.target,
		    .key = g->config.key,
		    .headers = ability_headers(&s->a, g->config.key, g->traits.of[TRAIT_AUTH] != 0)};
	}
	for (size_t i = 0; i < ABILITIES; i++)
		if (c[i].url.n && !ability_setup(s, &c[i], ability_rows[i].name, &all->own[i], e))
			return false;
	return true;
}

/* --- who --- */

/* How a chat engine is asked; one that may leave at any time is copied. */
static const struct ability_engine *ability_chat(struct engines *s, struct arena *a, size_t place)
{
	const struct ability_engine *g = &s->abilities->chat[place];
	struct str url, key;
	struct err none = {0};
	if (!s->list[place].fleet->moves)
		return g;
	struct ability_engine *copy = new (a, struct ability_engine);
	*copy = *g;
	engine_address(s, a, place, &url, &key);
	return http_target_parse(a, url, &copy->target, &none) ? copy : g;
}

struct str ability_url(enum ability_path path)
{
	return path_rows[path].url;
}

struct str ability_fetch_url(struct arena *a, const struct ability_at *at, enum ability_path path,
			     const char **unix_path)
{
	const struct http_target *t = at->target;
	bool six = str_find(t->host, ':') < t->host.n;
	*unix_path = t->unix_path.n ? t->unix_path.p : NULL;
	return str_fmt(a, six ? "%s://[%.*s]%s%.*s%.*s%.*s" : "%s://%.*s%s%.*s%.*s%.*s", t->tls ? "https" : "http",
		       FMT(*unix_path ? S("localhost") : t->host), t->port.n ? ":" : "", FMT(t->port), FMT(t->prefix),
		       FMT(http_target_path(a, t, path_rows[path].url)));
}

bool ability_own(const struct engines *s, enum ability ability)
{
	return s->abilities->own[ability].target.url.n;
}

bool ability_missing(enum ability_path path, struct err *e)
{
	const char *name = ability_rows[path_rows[path].ability].name;
	return fail(e, ERR_NOT_FOUND, NULL,
		    "No engine of this server has %.*s. One that has it is named by the setting %s.engine: start with "
		    "--set %s.engine=http://127.0.0.1:9000/v1.",
		    FMT(path_rows[path].url), name, name);
}

/* The name that this engine has for a model. */
static struct str ability_model(const struct ability_engine *g, struct arena *a, struct str model)
{
	for (size_t i = 0; i < g->n_models; i++) {
		struct str to = g->models[i], pattern = str_cut(&to, '=');
		if (str_match(pattern, model.p ? model : S("")))
			return to;
	}
	return model.p ? str_copy(a, model) : model;
}

bool ability_find(struct engines *s, struct arena *a, enum ability_path path, struct str model, struct ability_at *ret,
		  struct err *e)
{
	struct abilities *all = s->abilities;
	enum ability ability = path_rows[path].ability;
	const struct ability_engine *g = &all->own[ability];
	struct engine_model m;
	struct err why = {0};
	*ret = (struct ability_at){.own = g->target.url.n, .place = s->n + ability};
	if (ret->own) {
		ret->model = ability_model(g, a, model);
	} else if (!s->n) {
		return ability_missing(path, e);
	} else {
		bool found = engine_find(s, a, model, &m, &why);
		if (!found && why.code != ERR_MODEL_NOT_FOUND) {
			*e = why;
			return false;
		}
		ret->place = found ? m.index : 0;
		ret->model = found && m.name.n ? m.name : model.p ? str_copy(a, model) : model;
		g = ability_chat(s, a, ret->place);
		/* Nobody has such a model, but then perhaps nobody has the path either: which is the better answer. */
		if (!found && ability_known(s, ret, path) == ABILITY_YES) {
			*e = why;
			return false;
		}
	}
	ret->target = &g->target;
	ret->family = g->family;
	ret->key = g->key;
	ret->headers = g->headers;
	return true;
}

struct str ability_renamed(struct engines *s, struct arena *a, enum ability_path path, const struct ability_at *at,
			   struct str model)
{
	struct engine_model m;
	struct err none = {0};
	if (at->own)
		return ability_model(&s->abilities->own[path_rows[path].ability], a, model);
	return engine_find(s, a, model, &m, &none) && m.index == at->place && !m.pending ? m.name : model;
}

struct client *ability_client(struct engine_port *p)
{
	return p->client;
}

/* --- whether --- */

enum ability_answer ability_known(struct engines *s, const struct ability_at *at, enum ability_path path)
{
	int64_t known = atomic_load(&s->abilities->known[at->place * ABILITY_PATHS + path]);
	if (known < 0)
		return ABILITY_YES;
	return known > clock_mono_us() / 1000 ? ABILITY_NO : ABILITY_UNKNOWN;
}

/* A 404 may also mean that `{}` names no model: then the path is there. */
static bool speaks_of_model(struct str body)
{
	return memmem(body.n ? body.p : "", body.n, "model", 5);
}

enum ability_answer ability_learn(struct engines *s, const struct ability_at *at, enum ability_path path, int status,
				  struct str body)
{
	bool lacks = status == 405 || status == 501 || (status == 404 && !speaks_of_model(body));
	bool tells =
	    lacks || (status < 500 && status != 429); /* an engine that loads its model says nothing of its paths */
	if (tells)
		atomic_store(&s->abilities->known[at->place * ABILITY_PATHS + path],
			     lacks ? clock_mono_us() / 1000 + NO_HOLDS_MS : -1);
	return lacks ? ABILITY_NO : ABILITY_YES;
}

/* --- failures --- */

/* FastAPI: {"detail":[{"loc":["body","voice"],"msg":"Field required"}]} */
static bool ability_detail(yyjson_val *root, struct err *e)
{
	yyjson_val *one = yyjson_arr_get_first(json_get(root, S("detail")));
	struct str msg = json_str(json_get(one, S("msg"))),
		   where = json_str(yyjson_arr_get_last(json_get(one, S("loc"))));
	if (msg.n > DETAIL_MOST)
		msg.n = DETAIL_MOST;
	if (msg.n)
		fail(e, ERR_INVALID_VALUE, where.n && where.n < 100 ? where.p : NULL, "Invalid '%.*s': %.*s.",
		     FMT(where), FMT(msg));
	return msg.n;
}

/* OpenAI: {"error":{"message":..,"param":"language"}}: which member of the request it was. */
static void ability_param(yyjson_val *root, struct err *e)
{
	struct str param = json_str(json_get(json_get(root, S("error")), S("param")));
	if (param.n && param.n < sizeof e->param && !e->param[0])
		snprintf(e->param, sizeof e->param, "%.*s", FMT(param));
}

void ability_error(int status, struct str body, struct str model, struct err *e)
{
	struct engine_model m = {.name = model};
	struct arena a = {0};
	struct err none = {0};
	yyjson_val *root = NULL;
	json_parse(&a, str_copy(&a, body), &root, &none);
	if (status == 404)
		fail(e, ERR_MODEL_UNKNOWN, "model", "The engine does not know the model '%.*s' (HTTP 404).",
		     FMT(model));
	else if ((status != 400 && status != 422) || !ability_detail(root, e))
		chat_error(status, str_copy(&a, body), &m, e);
	if (status == 400 || status == 422)
		ability_param(root, e);
	arena_free(&a);
}
