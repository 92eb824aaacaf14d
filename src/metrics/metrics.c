/* metrics.c - GET /metrics. */
#include "metrics/metrics.h"

#include "door/request.h"
#include "quota/quota.h"
#include "engine/engine_list.h"
#include "measure/measure.h"
#include "measure/scrape.h"

/* What stands in tables of others is read now. */
static void gauges_set(struct api *api)
{
	struct arena a = {0};
	struct engine_info *all;
	size_t n = engine_list(api->options.engines, &a, &all);
	for (size_t i = 0; i < n; i++) {
		const unsigned label[METRIC_LABELS] = {measure_label(LABEL_ENGINE, all[i].name)};
		measure_set(METRIC_ENGINE_UP, all[i].takes, label);
		measure_set(METRIC_ENGINE_SLOTS, all[i].slots, label);
		measure_set(METRIC_ENGINE_BUSY, all[i].busy, label);
		measure_set(METRIC_ENGINE_WAITING, all[i].waiting, label);
	}
	measure_set(METRIC_QUOTA_HOLDERS, quota_holders(api->options.quotas), (const unsigned[METRIC_LABELS]){0});
	measure_set(METRIC_TURNS_RUNNING, (int64_t)atomic_load(&api->running), (const unsigned[METRIC_LABELS]){0});
	measure_set(METRIC_BUILD, 1,
		    (const unsigned[METRIC_LABELS]){measure_label(LABEL_VERSION, S(ANTIPHON_VERSION))});
	arena_free(&a);
}

void metrics_write(struct api *api, struct buf *b)
{
	gauges_set(api);
	scrape_write(b);
}

void metrics_get(struct request *rq)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	metrics_write(rq->api->api, &b);
	exchange_send(rq->x, 200, S(SCRAPE_TYPE), buf_str(&b));
	buf_release(&b);
}
