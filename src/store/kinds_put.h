/* kinds_put.h - rows of a project that come from an export. Blocks; one thread. */
#pragma once
#include "store/kinds.h"
#include "store/statement.h"

struct kinds_put { /* zero at the start but for the store */
	struct store *store;
	struct store_request *gathered; /* what the next commit writes; NULL: nothing */
	size_t n, bytes, cap;
};
/* Values in the order of the kind's columns; copied. A commit now and then. */
bool kinds_put(struct kinds_put *p, enum kind k, const struct bind *binds, unsigned n, struct err *e);
bool kinds_put_end(struct kinds_put *p, struct err *e); /* writes what is gathered */
void kinds_put_stop(struct kinds_put *p);               /* drops it */

/* Nothing here has an id yet, so that it may take those of another store. */
bool kinds_fresh(struct store *s, bool *ret, struct err *e);
/* From the next start on this is the key of the ids' cipher. */
bool kinds_take_ids(struct store *s, const uint8_t key[32], struct err *e);
/* Is one of the keys, moved by `shift`, that of a row of any project? */
bool kinds_taken(struct store *s, const int64_t *keys, size_t n, int64_t shift, bool *ret, struct err *e);
