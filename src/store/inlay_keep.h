/* inlay_keep.h - a thread that keeps the blobs of inlays before the rows that name them. Inside store/ alone. */
#pragma once
#include "store/request.h"

struct inlay_keeper;
struct inlay_keeper *inlay_keeper_new(struct store *s);
void inlay_keeper_free(struct inlay_keeper *k); /* nobody sends any more */
/* As driver->apply(), for a request with blobs: they are kept first. ERR_UNAVAILABLE: too much waits. Any thread. */
bool inlay_send(struct store *s, struct store_request *r, struct err *e);
