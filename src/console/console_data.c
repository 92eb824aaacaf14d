/* console_data.c - what the console asks beside the API: the server as a whole. */
#include <string.h>

#include "base/clock.h"
#include "door/request.h"
#include "engine/engine.h"
#include "store/keys.h"

/* --- the server ------------------------------------------------------------------------------------------------ */

static void put_model(struct jout *o, const struct engine_model *m)
{
	jo_obj(o);
	jo_kstr(o, "name", m->name);
	jo_kstr(o, "engine", m->engine);
	jo_kint(o, "context", m->context);
	jo_kbool(o, "vision", m->vision);
	jo_kbool(o, "audio", m->audio);
	jo_kbool(o, "tools", m->tools);
	jo_kbool(o, "schema", m->schema);
	jo_obj_end(o);
}

static void put_models(struct jout *o, struct engines *engines, struct arena *a)
{
	struct engine_model *all;
	size_t n = engine_models(engines, a, &all);
	jo_key(o, S("models"));
	jo_arr(o);
	for (size_t i = 0; i < n; i++)
		put_model(o, &all[i]);
	jo_arr_end(o);
}

struct names {
	struct arena *arena;
	struct str *list;
	size_t n, cap;
};

static void name_add(struct names *names, struct str name)
{
	for (size_t i = 0; i < names->n; i++)
		if (str_eq(names->list[i], name))
			return;
	if (names->n == names->cap) {
		struct str *more = new_array(names->arena, struct str, names->cap * 2 + 8);
		if (names->n)
			memcpy(more, names->list, names->n * sizeof *more);
		names->list = more;
		names->cap = names->cap * 2 + 8;
	}
	names->list[names->n++] = str_copy(names->arena, name);
}

static void on_key_project(void *ctx, const struct key_info *k)
{
	name_add(ctx, str_of(k->project));
}

/* Those that a key names, and `default`. */
static void put_projects(struct jout *o, struct store *store, struct arena *a)
{
	struct names names = {.arena = a};
	struct err ignored = {0};
	name_add(&names, S("default"));
	key_list(store, on_key_project, &names, &ignored);
	jo_key(o, S("projects"));
	jo_arr(o);
	for (size_t i = 0; i < names.n; i++)
		jo_str(o, names.list[i]);
	jo_arr_end(o);
}

void console_overview(struct request *rq)
{
	struct api *api = rq->api->api;
	const struct api_options *options = &api->options;
	struct arena *a = exchange_arena(rq->x);
	struct buf b;
	struct jout o = {&b, false};
	struct err why = {0};
	bool ready = store_healthy(options->store, &why) && engines_ready(options->engines, &why);
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_kstr(&o, "version", S(ANTIPHON_VERSION));
	jo_kstr(&o, "base_url", options->base_url);
	jo_kstr(&o, "answers", options->default_banner);
	jo_kint(&o, "up_seconds", clock_wall_s() - api->began_s);
	jo_kint(&o, "running", (int64_t)atomic_load(&api->running));
	jo_kbool(&o, "draining", atomic_load(&api->draining));
	jo_kbool(&o, "ready", ready);
	jo_kstr(&o, "why", str_of(why.msg));
	jo_kbool(&o, "keys", key_any(options->store));
	put_projects(&o, options->store, a);
	put_models(&o, options->engines, a);
	jo_obj_end(&o);
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}

/* {"data"}: the settings in force, and where each came from. */
void console_settings(struct request *rq)
{
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_kraw(&o, "data", rq->api->api->options.settings);
	jo_obj_end(&o);
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}
