/* store_index_load.h - what memory keeps of an index's docs (codes.h): from the file of signs, where it has them, or
 * else from the database. Inside index/ alone. */
#pragma once
#include "index/store_index_db.h"

/* All that searches see, into x->codes, when the index is opened. What was not in the file of signs is from then on, if
 * that can be written. */
bool index_load_all(struct store_index *x, struct err *e);
/* One doc from the database. */
bool index_load_doc(struct index_db *d, int64_t doc, struct doc *ret, struct err *e);
/* Beside its rows, when it flips: its chunks in one row, and its sum (signs.h). */
bool index_put_signs(struct index_db *d, const struct doc *doc, struct err *e);
/* The file of signs holds more that is dead than alive: it is written anew. */
void index_tidy_signs(struct store_index *x);
