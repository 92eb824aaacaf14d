/* blob_in.h - blobs (blob.h), read. All functions but blob_close() block; any thread, for a blob by one at a time. */
#pragma once
#include <sys/types.h>

#include "base/buf.h"
#include "store/store.h"

/* To read from; NULL: ERR_NOT_FOUND, ERR_STORE. What is removed meanwhile can still be read, where the place can that.
 */
struct blob_in *blob_open(struct store *s, int64_t key, struct err *e);
/* Of those that were begun with blob_begin_near(). Short enough for a loop. */
struct blob_in *blob_open_near(struct store *s, int64_t key, struct err *e);
int64_t blob_bytes(const struct blob_in *in); /* its length */
/* Fills `to` with what there is of `n` bytes from `at` on: fewer only at the end, 0 behind it; -1: e. */
ssize_t blob_read_at(struct blob_in *in, int64_t at, char *to, size_t n, struct err *e);
void blob_close(struct blob_in *in); /* NULL: nothing; does not block */

/* All of it, appended to `out`; more than out->max sets out->over. */
bool blob_read(struct store *s, int64_t key, struct buf *out, struct err *e);
/* A file with all of it, to be read from its beginning, for those who need a descriptor; -1 as blob_open(). */
int blob_file(struct store *s, int64_t key, struct err *e);
