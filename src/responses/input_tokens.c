/* input_tokens.c - POST /v1/responses/input_tokens: what a request would cost before it is made.
 *
 * The very prompt that POST /v1/responses would give to the engine is made and counted, so that the number is the
 * one which the response's usage then tells. Engines that cannot count get an estimate (engine.h), which the header
 * antiphon-not-applied admits. */
#include "turn/turn_finish.h"
#include "turn/turn_kind.h"
#include "turn/turn_start.h"

static void on_counted(struct engine_call *call, const struct err *e)
{
	struct turn *t = OWNER(call, struct turn, call);
	if (e->code == ERR_NONE && !call->exact && t->reader.reply)
		reply_header(t->reader.reply, S("antiphon-not-applied"), S("exact count"));
	t->response.usage = call->usage;
	turn_call_end(t, e);
}

static void count_call(struct turn *t)
{
	t->call.on_end = on_counted;
	engine_count_start(t->api->engine, &t->call, &t->arena, &t->model, &t->prompt);
}

static void count_answer(struct turn *t, struct buf *body)
{
	struct jout o = {body, false};
	jo_obj(&o);
	jo_kstr(&o, "object", S("response.input_tokens"));
	jo_kint(&o, "input_tokens", t->response.usage.input);
	jo_obj_end(&o);
}

void input_tokens_count(struct request *rq)
{
	static const struct turn_kind kind = {.name = STR("input_tokens"), .request = REQUEST_COUNT, .call = count_call, .answer = count_answer};
	turn_start(rq, &kind);
}
