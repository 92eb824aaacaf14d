/* shelf.h - the open indexes of vector stores: one per store, shared by all threads, closed when nobody uses it.
 *
 * An index that is missing or damaged is made anew when it is taken, and the store's files are put into the queue
 * again. All functions block: worker threads, any. */
#pragma once
#include "index/store_index.h"
#include "store/store.h"

struct shelf;
/* The indexes lie in `dir`/index, which is made. */
bool shelf_new(struct store *s, struct str dir, struct shelf **ret, struct err *e);
void shelf_free(struct shelf *s); /* all are given back */
/* shelf_give() must follow. */
bool shelf_take(struct shelf *s, int64_t store, struct store_index **ret, struct err *e);
void shelf_give(struct shelf *s, int64_t store);
/* Its files go. false: it is in use, so later. */
bool shelf_remove(struct shelf *s, int64_t store);
/* Closes what was not used for index.idle_seconds, and what is beyond index.cache_bytes. */
void shelf_trim(struct shelf *s);
/* Is there a file for it? */
bool shelf_has(struct shelf *s, int64_t store);
