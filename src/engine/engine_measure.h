/* engine_measure.h - calls of engines are counted. */
#pragma once
#include "engine/table.h"

/* A call has got its slot after so long. */
void engine_measure_slot(int64_t waited_ms);
/* A call has ended, `spoke_ms` after the first byte of its answer (0: there was none). */
void engine_measure_end(struct engine *g, const struct engine_call *c, bool ok, int64_t spoke_ms);
