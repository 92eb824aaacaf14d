/* scrape.h - all metrics as text for Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats (0.0.4).
 *
 * A series that was never counted in is left out, but for metrics without labels. Any thread. */
#pragma once
#include "base/buf.h"

#define SCRAPE_TYPE "text/plain; version=0.0.4; charset=utf-8"

void scrape_write(struct buf *b);
