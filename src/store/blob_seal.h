/* blob_seal.h - the bytes of a blob, sealed in pieces by the ring of keys (seal_bytes.h). Inside store/ alone.
 *
 * A head (what it is, the key's number, salt), then pieces of 64 KB, each with its tag. Every file has a key of its
 * own, made of the ring's by the salt; a piece is bound to the blob's key, its number, and whether it is the last, so
 * that none can be changed, moved, left out or cut off unseen. Blocks; any thread. */
#pragma once
#include "store/core.h"

struct blob_seal; /* one that is being written */
struct blob_seal *blob_seal_new(const struct store *s, int64_t key);
void blob_seal_free(struct blob_seal *b);
/* false: errno says why. */
bool blob_seal_write(struct blob_seal *b, int fd, struct str bytes);
bool blob_seal_end(struct blob_seal *b, int fd);

/* How many bytes so many have when they are sealed. */
int64_t blob_seal_size(int64_t bytes);
/* Does the file begin like a sealed one? Then the number of its key, else 0. */
uint32_t blob_seal_key(int fd);
/* What is sealed in `fd`, opened in memory: a descriptor of its own, at its start. -1: ERR_STORE, logged. */
int blob_seal_open(const struct store *s, int64_t key, int fd, struct err *e);
