/* access.c - a request that was answered is counted and logged. */
#include "api/access.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "door/request.h"
#include "measure/measure.h"

enum { PATH_SHOWN = 200 };

static void access_log(struct exchange *x, const struct request *rq, int status, int64_t us)
{
	const struct exchange_request *q = exchange_request(x);
	int path = (int)(q->path.n < PATH_SHOWN ? q->path.n : PATH_SHOWN);
	char key[ID_MAX] = "-";
	if (rq && rq->key.key)
		id_text(key, "key", &rq->key);
	log_at(LOG_INFO, "request", "id=%.*s key=%s method=%.*s path=%.*s status=%d ms=%.3f%s%.*s", FMT(q->request_id),
	       key, FMT(q->method_text), path, q->path.p, status, (double)us / 1000, rq && rq->phases.n ? " " : "",
	       FMT((rq ? rq->phases : (struct str){0})));
}

void access_ended(struct api_loop *al, struct exchange *x, const struct request *rq, unsigned route, int status)
{
	int64_t us = clock_mono_us() - exchange_request(x)->began_us;
	char code[8];
	snprintf(code, sizeof code, "%d", status);
	MEASURE(HTTP_REQUESTS, 1, route, measure_label(LABEL_CODE, str_of(code)));
	MEASURE(HTTP_SECONDS, us, 0);
	if (al->api->options.access_log)
		access_log(x, rq, status, us);
}
