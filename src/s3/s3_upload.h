/* s3_upload.h - an object in parts: it is there once all are, never before. Blocks, but where it says so; one thread at
 * a time.
 *
 * Each part is at least 5 MiB but the last (Amazon's rule), and is acknowledged before the next is sent. */
#pragma once
#include "s3/s3.h"

struct s3_upload; /* begun, not yet ended */
bool s3_upload_begin(struct s3 *s, struct str name, struct s3_upload **ret, struct err *e);
/* ERR_TOO_LARGE: it would have more than 10,000 parts. */
bool s3_upload_part(struct s3_upload *u, struct str bytes, struct err *e);
/* The object is there, whole, or nothing of it. */
bool s3_upload_end(struct s3_upload *u, struct err *e);
/* Its id, for s3_abort(); does not block. */
struct str s3_upload_id(const struct s3_upload *u);
void s3_upload_free(struct s3_upload *u); /* does not block, and ends nothing */
/* What was sent of it goes. One that is gone is no fault. */
bool s3_abort(struct s3 *s, struct str name, struct str id, struct err *e);
