/* metrics.h - all metrics of the server as text for Prometheus (measure/scrape.h). Any thread. */
#pragma once
#include "base/buf.h"

struct api;

void metrics_write(struct api *api, struct buf *b);
