/* turn_measure.c - a turn is measured. */
#include "turn/turn_measure.h"

#include "measure/measure.h"
#include "trace/exporter.h"
#include "turn/hosted_call.h"
#include "turn/turn_kind.h"
#include "turn/turn_machine.h"

void turn_measure_call(struct turn *t, bool speaks)
{
	struct phases *p = &t->clocks.phases;
	if (phases_now(p) == PHASE_QUEUE && t->call.asked_us)
		phases_enter(p, &t->arena, PHASE_PROMPT, t->call.asked_us);
	if (!speaks)
		return;
	phases_piece(p);
	phases_enter(p, &t->arena, PHASE_ANSWER, 0);
}

void turn_measure_tell(struct turn *t)
{
	struct request *rq = t->reader.request;
	if (rq && t->reader.reply && t->api->api->options.access_log)
		rq->phases = phases_line(&t->clocks.phases, exchange_arena(rq->x));
}

void turn_measure_tool(const struct turn *t, const struct hosted_call *c, bool ok)
{
	/* By the kind of the tool: functions of servers have names without end. */
	unsigned tool = measure_label(LABEL_TOOL, c->tool->hosted->types[0]);
	phases_tool_end(&t->clocks.phases, c->measured, ok);
	MEASURE(TOOL_CALLS, 1, tool, measure_result(ok));
	if (c->measured)
		MEASURE(TOOL_SECONDS, c->measured->end_us - c->measured->at_us, tool);
}

static struct str turn_measure_kind(const struct turn *t)
{
	return t->kind ? t->kind->name : t->runner ? S("background") : S("response");
}

/* The text of its messages. */
static struct str turn_measure_said(struct turn *t)
{
	struct buf b;
	buf_init(&b, (size_t)trace_limits.content_bytes);
	for (const struct out_item *it = t->out.first; it; it = it->next) {
		struct item one;
		size_t i, n;
		yyjson_val *part;
		if (!it->json.n || it->type != ITEM_MESSAGE || !item_view(&t->arena, it->json, &one))
			continue;
		yyjson_arr_foreach(json_get(one.val, S("content")), i, n, part)
		    buf_add(&b, json_str(json_get(part, S("text"))));
	}
	struct str said = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return said;
}

void turn_measure_end(struct turn *t)
{
	bool refused = t->step == STEP_REFUSE;
	if (t->step == STEP_QUEUE && !turn_failed(t))
		MEASURE(BACKGROUND_ADDED, 1, 0);
	if ((t->step != STEP_DONE && !refused) || (t->runner && refused))
		return; /* it is another's to end, or was answered before */
	account_close(&(struct account){
	    .asker = t->reader.asker,
	    .kind = turn_measure_kind(t),
	    .status = refused ? S("refused") : str_of(response_status_names[t->response.status]),
	    .model = t->model.name.p ? t->response.model : (struct str){0},
	    .usage = t->response.usage,
	    .phases = &t->clocks.phases,
	    .id = t->response.id,
	    .engine = t->call.served_engine,
	    .conversation = t->req.conversation,
	    .why = turn_failed(t) ? str_of(t->error->msg) : (struct str){0},
	    .why_code = turn_failed(t) ? str_of(err_rows[t->error->code].type) : (struct str){0},
	    .prompt = &t->prompt,
	    .said = exporter_content() ? turn_measure_said(t) : (struct str){0},
	});
}
