/* parcel.h - the lines of an export (docs/export.md): how a row is written and read back. Pure. */
#pragma once
#include "store/kinds.h"
#include "store/statement.h"
#include "wire/json.h"

enum { PARCEL_FORMAT = 1, PARCEL_CELLS = 40, PARCEL_PIECE = 96 << 10 /* bytes of a file in a line */ };

/* {"type":"row","kind":...,"cells":[...]}, without its end of line. ERR_STORE: a list in it is broken. */
bool parcel_row_write(struct buf *b, enum kind k, const struct cell *cells, struct err *e);
/* The row of such a line, for that project; strings live in `a` or in `v`. *n: how many values. ERR_INVALID_VALUE. */
bool parcel_row_read(struct arena *a, yyjson_val *v, int64_t project, enum kind *k, struct bind binds[PARCEL_CELLS],
		     unsigned *n, struct err *e);
/* Base64 of bytes, as a JSON string; and back, in `a`. */
void parcel_bytes_write(struct jout *o, struct str bytes);
bool parcel_bytes_read(struct arena *a, yyjson_val *v, struct str *ret);
