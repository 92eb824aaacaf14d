/* console_live.c - GET /console/api/live: engines and what runs at this moment, for the console and `antiphon top`. */
#include "door/live.h"
#include "door/request.h"
#include "engine/engine_list.h"

enum { TURNS_MOST = 200 };

static void console_live_engine(struct jout *o, const struct engine_info *g)
{
	jo_obj(o);
	jo_kstr(o, "name", g->name);
	jo_kstr(o, "state", g->state);
	jo_kstr(o, "why", g->why);
	jo_kstr(o, "dialect", g->dialect);
	jo_kbool(o, "managed", g->managed);
	jo_kint(o, "models", (int64_t)g->models);
	jo_kint(o, "slots", g->slots);
	jo_kint(o, "busy", g->busy);
	jo_kint(o, "waiting", g->waiting);
	jo_knum(o, "tokens_a_second", g->tokens_a_second);
	jo_kint(o, "context", g->context);
	jo_kbool(o, "tools", g->caps.tools);
	jo_kbool(o, "parallel", g->caps.parallel);
	jo_kbool(o, "schema", g->caps.schema);
	jo_kbool(o, "vision", g->caps.vision);
	jo_kbool(o, "audio", g->caps.audio);
	jo_kstr(o, "traits", g->traits);
	jo_kint(o, "learnt", (int64_t)g->learnt);
	jo_obj_end(o);
}

void console_live(struct request *rq)
{
	struct api *api = rq->api->api;
	struct engine_info *engines;
	struct buf b;
	struct jout o = {&b, false};
	size_t n = engine_list(api->options.engines, exchange_arena(rq->x), &engines);
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_key(&o, S("engines"));
	jo_arr(&o);
	for (size_t i = 0; i < n; i++)
		console_live_engine(&o, &engines[i]);
	jo_arr_end(&o);
	jo_kint(&o, "running", (int64_t)atomic_load(&api->running));
	jo_key(&o, S("turns"));
	live_write(&o, TURNS_MOST);
	jo_obj_end(&o);
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}
