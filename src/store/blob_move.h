/* blob_move.h - files' bytes from one place to another (blob_options.h). Of a store that this process owns; blocks. */
#pragma once
#include "store/blob_options.h"
#include "store/store.h"

struct blob_move {
	enum blob_where from;                                   /* to: where the settings say */
	void (*progress)(void *ctx, const struct blob_move *m); /* now and then; NULL: nobody looks */
	void *ctx;
	int64_t files, bytes; /* moved */
	int64_t there;        /* were there already */
};
/* All that rows name is copied and read back by its length, and only when all of it is there removed where it was. What
 * is there already is not copied again, so that a move that was cut off goes on. ERR_CONFIG: both are the same. */
bool blobs_move(struct store *s, struct blob_move *m, struct err *e);
/* Before it serves. ERR_CONFIG: files lie in the data folder though the settings say elsewhere; nobody would find them.
 */
bool blobs_all_moved(struct store *s, struct err *e);
