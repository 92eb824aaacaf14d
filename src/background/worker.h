/* worker.h - a loop's worker: finds background runs, claims them, keeps its leases. Loop thread. */
#pragma once
#include "door/request.h"
#include "store/run.h"

void worker_attach(struct api_loop *al);
void worker_detach(struct api_loop *al);
/* Looks for work soon. */
void worker_wake(struct api_loop *al);
/* Takes this run now, whatever the bounds, unless somebody has it. */
void worker_take(struct api_loop *al, const struct run_place *place);
