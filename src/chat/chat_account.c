/* chat_account.c - a chat completion is measured, and what it used is counted. */
#include "chat/chat_account.h"

#include "quota/prices.h"

void chat_enter(struct chat *c, enum phase next)
{
	phases_enter(&c->clocks.phases, &c->arena, next, 0);
}

void chat_measure_call(struct chat *c, const struct engine_call *call)
{
	struct phases *p = &c->clocks.phases;
	phases_piece(p);
	if (phases_now(p) == PHASE_QUEUE && call->asked_us)
		phases_enter(p, &c->arena, PHASE_PROMPT, call->asked_us);
	if (call->begun && phases_now(p) == PHASE_PROMPT)
		chat_enter(c, PHASE_ANSWER);
}

void chat_measure_end(const struct chat *c)
{
	if (c->req.speaks || c->web.prompt) /* another engine's affair, or a response's */
		return;
	account_close(&(struct account){
	    .asker = c->by.asker,
	    .kind = S("chat"),
	    .status = !c->n           ? S("refused")
		      : c->error.code ? S("failed")
		      : c->left       ? S("cancelled")
				      : S("completed"),
	    .model = c->n ? c->head.model : (struct str){0},
	    .usage = c->usage,
	    .phases = &c->clocks.phases,
	    .id = c->head.id,
	    .engine = c->model.engine,
	    .why = c->error.code ? str_of(c->error.msg) : (struct str){0},
	    .why_code = c->error.code ? str_of(err_rows[c->error.code].type) : (struct str){0},
	    .prompt = c->n ? &c->runs[0].prompt : NULL,
	    .said = c->n ? buf_str(&c->runs[0].choice.text) : (struct str){0},
	});
}

const struct usage_add *chat_usage(struct chat *c, size_t *n)
{
	const struct usage *u = &c->usage;
	struct usage_add *one = new (&c->arena, struct usage_add);
	*one = (struct usage_add){
	    .project = c->project,
	    .key = c->by.asker.key.key,
	    .model = c->head.model,
	    .kind = USAGE_COMPLETIONS,
	    .batch = c->by.low,
	    .n = {
		.requests = 1, .input = u->input, .cached = u->cached, .output = u->output, .reasoning = u->reasoning}};
	prices_apply(one);
	*n = u->input + u->output > 0 && !c->web.prompt;
	return one;
}

bool chat_may(struct chat *c, struct request *rq, struct err *e)
{
	const struct sampling *s = &c->req.prompt.sampling;
	struct allowance_ask ask = {.bytes = exchange_request(rq->x)->body.n, .headers = true};
	if (c->req.speaks || c->req.search) /* who makes it asks */
		return true;
	ask.most = s->has_max_output_tokens ? s->max_output_tokens * c->req.n : 0;
	return allowance_begin(rq, &c->by.hold, &ask, e);
}
