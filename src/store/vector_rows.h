/* vector_rows.h - what the files about vector stores share. Inside store/ alone. */
#pragma once
#include "store/driver.h"
#include "store/vector_store.h"

bool vector_store_gone(struct err *e, struct str id);
/* Rows of VECTOR_COUNT and VECTOR_BATCH_COUNT, into a struct vector_counts. */
bool vector_on_count(void *ctx, const struct cell *cells);
/* The open range of keys that cursors leave, in ascending terms. */
void vector_range(const struct vector_query *q, int64_t after, int64_t before, int64_t *from, int64_t *to);
/* `before` alone asks for those nearest to it: walked the other way round, then turned. */
bool vector_backwards(const struct vector_query *q);
