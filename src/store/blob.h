/* blob.h - the bytes of files, in the folder "files" beside the database.
 *
 * A blob is a file of its own under an integer key: that of the row that it belongs to. It is written under another
 * name, synced with its folder and only then given its own; its row is committed after that, so that a row never
 * stands without its bytes. Bytes without a row (a crash between the two) go when the store is opened next. A row is
 * removed before its bytes. With store.encrypt they are sealed (blob_seal.h). All functions block and may be called on any thread, a writer by one at a time. */
#pragma once
#include "base/buf.h"
#include "store/store.h"

struct blob_seal;
struct blob { /* being written */
	struct store *store;
	int fd;
	int64_t key, bytes;
	struct blob_seal *seal; /* NULL: as it is */
};

bool blob_begin(struct store *s, struct blob *b, int64_t key, struct err *e);
/* ERR_STORE_FULL when there is no room. */
bool blob_write(struct blob *b, struct str bytes, struct err *e);
/* Appends all of another blob, and shows each piece to see() on the way (may be NULL). */
bool blob_append(struct blob *b, int64_t key, void (*see)(void *ctx, struct str bytes), void *ctx, struct err *e);
/* Appends what can be read from `fd`, to its end. ERR_TOO_LARGE: the blob would have more than `most` bytes. */
bool blob_append_from(struct blob *b, int fd, int64_t most, struct err *e);
/* Synced and under its name. Of blob_keep() and blob_abandon() exactly one ends what blob_begin() began. */
bool blob_keep(struct blob *b, struct err *e);
void blob_abandon(struct blob *b); /* does not block */

/* A descriptor to read from, -1: ERR_NOT_FOUND, ERR_STORE. What is removed meanwhile can still be read. What is sealed is opened
 * whole, in memory, until it is closed. */
int blob_open(struct store *s, int64_t key, struct err *e);
/* All of it, appended to `out`; more than out->max sets out->over. */
bool blob_read(struct store *s, int64_t key, struct buf *out, struct err *e);
/* Soon, by the store's sweeper; does not block. Its row is gone, or never came. */
void blob_drop(struct store *s, int64_t key);
/* The same, where it may have its row: then it stays. Once the write that would have made the row is finished. */
void blob_doubt(struct store *s, int64_t key);
/* Written anew if it is not sealed by that key (0: open, and it is sealed). *did: it was. What is removed meanwhile stays
 * removed. */
bool blob_reseal(struct store *s, int64_t key, uint32_t target, bool *did, struct err *e);
