/* sealed.h - columns that lie sealed in the database (sealed.def), above the driver. Inside store/ alone. Any thread.
 *
 * With store.encrypt, values on their way into these columns are sealed by the key ring (seal.h), bound to their table,
 * column and row; cells on their way out are opened, also when the setting is off. A value that does not open is
 * logged, and what asked for it fails (ERR_STORE): nothing is made up. */
#pragma once
#include "store/request.h"

enum sealed_column {
#define SEALED(name, table, column, keys, after, is, also) SEALED_##name,
#include "store/sealed.def"
	SEALED_COUNT
};
enum { SEALED_KEYS = 3 };
#define SEALED_LIKE S("\001sealed%") /* what sealed values are like, for SQL */
extern const struct sealed_row {
	const char *name, *table, *column;
	const char *keys, *also; /* the columns that name a row; ", project", or "" */
	enum statement next, set;
} sealed_rows[SEALED_COUNT];

/* As driver->query() and driver->each(). The row gets cells of its own call. */
bool sealed_query(struct store *s, struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n,
		  row_fn *row, void *ctx, struct err *e);
bool sealed_each(struct store *s, struct db_reader *r, const struct each *each, struct err *e);
/* r->apply.changes become what the driver is to write; again after each time that r->changes were changed. */
void sealed_changes(struct store *s, struct store_request *r);

/* One value of a row with these keys (TEXT or INT binds): sealed with the newest key, in `a`; of another kind it stays
 * as it is. */
struct bind sealed_value(struct store *s, enum sealed_column c, const struct bind *keys, struct bind plain,
			 struct arena *a);
/* ... and opened, in `a`; what is not sealed stays as it is. ERR_STORE. */
bool sealed_open(struct store *s, enum sealed_column c, const struct bind *keys, struct str value, struct arena *a,
		 struct str *ret, struct err *e);
bool sealed_is(struct str value);
uint32_t sealed_key(struct str value); /* the key that sealed it; 0: it is not sealed */
/* Does the column hold texts? Otherwise bytes. */
bool sealed_is_text(enum sealed_column c);
