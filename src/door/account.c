/* account.c - what a response or a chat completion says of itself at its end. */
#include "door/account.h"

#include "base/clock.h"
#include "door/account_spans.h"
#include "door/request.h"
#include "measure/measure.h"
#include "trace/exporter.h"

struct asker asker_of(const struct request *rq, struct arena *a)
{
	struct asker who = {.key = rq->key, .request_id = str_copy(a, exchange_request(rq->x)->request_id)};
	struct str parent = exchange_header(rq->x, S("traceparent"));
	if (exporter_on() || parent.n)
		trace_begin(&who.trace, parent, exchange_header(rq->x, S("tracestate")), a);
	return who;
}

struct asker asker_none(struct arena *a)
{
	struct asker who = {0};
	if (exporter_on())
		trace_begin(&who.trace, S(""), S(""), a);
	return who;
}

static void count_phases(const struct phases *p, int64_t whole_us)
{
	for (const struct phase_mark *m = p->first; m; m = m->next) {
		int64_t end = m->next ? m->next->at_us : whole_us;
		MEASURE(PHASE_TIME, end - m->at_us, measure_label(LABEL_TYPE, phase_names[m->phase]));
	}
	if (p->first->phase == PHASE_WAIT && p->first->next)
		MEASURE(BACKGROUND_WAIT, p->first->next->at_us, 0);
}

static void count_tokens(const struct usage *u, unsigned model)
{
	const struct {
		struct str type;
		int64_t n;
	} tokens[] = {
	    {S("input"), u->input}, {S("cached"), u->cached}, {S("output"), u->output}, {S("reasoning"), u->reasoning}};
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
		if (tokens[i].n)
			MEASURE(TOKENS, tokens[i].n, measure_label(LABEL_TYPE, tokens[i].type), model);
}

void account_close(const struct account *a)
{
	unsigned kind = measure_label(LABEL_KIND, a->kind), model = measure_label(LABEL_MODEL, a->model);
	int64_t whole_us = clock_mono_us() - a->phases->began_us;
	MEASURE(TURNS, 1, kind, measure_label(LABEL_STATUS, a->status), model);
	MEASURE(TURN_SECONDS, whole_us, kind);
	if (a->phases->first_token_us)
		MEASURE(FIRST_TOKEN, a->phases->first_token_us, model);
	count_phases(a->phases, whole_us);
	count_tokens(&a->usage, model);
	account_spans(a);
}
