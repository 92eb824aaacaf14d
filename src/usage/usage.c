/* usage.c - GET /v1/organization/usage/{kind} and /v1/organization/costs. */
#include "door/errand.h"
#include "usage/usage_page.h"

static bool usage_work(struct errand *er, struct err *e)
{
	struct jout o = errand_out(er);
	return usage_page(er->store, er->more, &er->arena, &o, e);
}

static bool usage_read_ask(struct errand *er, void *more, struct err *e)
{
	return usage_ask_read(er->rq, &er->arena, more, e);
}

void usage_get(struct request *rq)
{
	errand_begin(rq, usage_work, sizeof(struct usage_ask), usage_read_ask);
}
