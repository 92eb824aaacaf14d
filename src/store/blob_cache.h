/* blob_cache.h - pieces of blobs that lie far away, kept near: files of a folder, the longest unused go first. Inside
 * store/ alone.
 *
 * Blobs never change, so a piece is good as long as it is there. The folder is this process's: it is emptied at the
 * start. What cannot be kept (a full disk) is only slower. Any thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct blob_cache;
/* Makes the folder, and empties it. `most`: bytes of all its files; 0: nothing is kept. */
bool blob_cache_new(const char *path, int64_t most, struct blob_cache **ret, struct err *e);
void blob_cache_free(struct blob_cache *c);

struct blob_piece {
	int64_t key, number;
	int64_t total; /* the whole blob's length */
};
/* Its file, to be read from; fills p->total. -1: it is not there. What goes meanwhile can still be read. */
int blob_cache_get(struct blob_cache *c, struct blob_piece *p);
/* Keeps it, and gives its file; -1: it could not be kept. */
int blob_cache_put(struct blob_cache *c, const struct blob_piece *p, struct str bytes);
/* The blob is removed: its first pieces go, others when they are the longest unused. */
void blob_cache_drop(struct blob_cache *c, int64_t key);
