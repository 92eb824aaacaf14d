/* beside.h - a store that is read beside the process that owns it, or while none does: for copies and exports.
 *
 * It takes no lock and writes nothing. Of `struct store` there are the driver, its database and its blobs; what reads
 * by driver->read() or blob_open() works, ports and writes do not. What is removed meanwhile is held by hold.h. Blocks.
 */
#pragma once
#include "store/store.h"

/* ERR_NOT_FOUND: nothing is there; ERR_STORE: it is of another version. */
bool store_beside(const struct store_options *o, struct store **ret, struct err *e);
void store_beside_close(struct store *s);
