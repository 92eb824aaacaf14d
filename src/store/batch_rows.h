/* batch_rows.h - what batch.c and batch_work.c share. Inside store/ alone. */
#pragma once
#include "store/batch.h"
#include "store/driver.h"

/* A row of BATCH_GET, BATCH_KEY, BATCH_LIST; false: it is damaged. */
bool batch_row_take(struct arena *a, const struct cell *cells, struct stored_batch *ret);
/* NULL for {0}. */
struct bind batch_text(struct str s);
