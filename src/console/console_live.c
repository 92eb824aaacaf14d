/* console_live.c - GET /console/api/live: engines and what runs at this moment, for the console and `antiphon top`. */
#include "door/live.h"
#include "door/request.h"
#include "engine/engine_list.h"

enum { TURNS_MOST = 200 };

void console_live(struct request *rq)
{
	struct api *api = rq->api->api;
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, SIZE_MAX / 2);
	engine_list_write(api->options.engines, exchange_arena(rq->x), &o);
	jo_kint(&o, "running", (int64_t)atomic_load(&api->running));
	jo_key(&o, S("turns"));
	live_write(&o, TURNS_MOST);
	jo_obj_end(&o);
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}
