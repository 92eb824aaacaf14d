/* blobs_list.h - names in the folder of blobs (blobs.h), and what lies there. Inside store/ alone. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { BLOB_NAME = 32 };
/* What the blob of a key is called in it; and while it is written. */
void blobs_name(char out[BLOB_NAME], int64_t key);
void blobs_new_name(char out[BLOB_NAME], int64_t key);
/* The key in the name of a file there; 0: one half written. false: it is not ours. */
bool blobs_key(const char *name, int64_t *ret);
/* Calls each() with the keys of all that are in the folder `dir`; false ends the walk. Blocks. */
bool blobs_each(int dir, bool (*each)(void *ctx, int64_t key), void *ctx);
