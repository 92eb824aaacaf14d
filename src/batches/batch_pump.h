/* batch_pump.h - the working on batches: their lines become requests of this server's own (net/inner.h), answered by the
 * handlers of their endpoint; the answers go into the store, and at the end into files.
 *
 * One loop of the process does it, the first that is attached. A line whose answer was kept is never run again; one
 * that ran when the server stopped is (store/batch_work.h). */
#pragma once
#include "door/request.h"

void batches_attach(struct api_loop *al);
void batches_detach(struct api_loop *al);
/* One was made or cancelled. Any thread. */
void batches_wake(struct api *a);
