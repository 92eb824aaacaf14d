/* blob.h - the bytes of files: in the folder "files" beside the database, or where blob_place.h says.
 *
 * A blob has an integer key: that of the row that it belongs to. It is written under another name, is durable and only
 * then found under its own; its row is committed after that, so that a row never stands without its bytes. Bytes
 * without a row (a crash between the two) go when the store is opened next, or by their age (blob_sweeper.h). A row is
 * removed before its bytes. All functions but those that say so block and may be called on any thread, for a blob by
 * one at a time. */
#pragma once
#include "store/blob_in.h"

struct place_out;
struct blob { /* being written */
	struct store *store;
	struct place_out *out;
	int64_t key, bytes;
};

bool blob_begin(struct store *s, struct blob *b, int64_t key, struct err *e);
/* The same beside the database, whatever the settings say: for what loops read (inlay.h). */
bool blob_begin_near(struct store *s, struct blob *b, int64_t key, struct err *e);
/* ERR_STORE_FULL when there is no room. */
bool blob_write(struct blob *b, struct str bytes, struct err *e);
/* Appends all of another blob, and shows each piece to see() on the way (may be NULL). */
bool blob_append(struct blob *b, int64_t key, void (*see)(void *ctx, struct str bytes), void *ctx, struct err *e);
/* Appends what can be read from `fd`, to its end. ERR_TOO_LARGE: the blob would have more than `most` bytes. */
bool blob_append_from(struct blob *b, int fd, int64_t most, struct err *e);
/* Durable and under its name. Of blob_keep() and blob_abandon() exactly one ends what blob_begin() began. */
bool blob_keep(struct blob *b, struct err *e);
void blob_abandon(struct blob *b); /* does not block */

/* Soon, by the store's sweeper; does not block. Its row is gone, or never came. */
void blob_drop(struct store *s, int64_t key);
void blob_drop_near(struct store *s, int64_t key);
/* One that is near and may have its row: then it stays. Once the write that would have made the row is finished. */
void blob_doubt(struct store *s, int64_t key);
