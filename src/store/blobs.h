/* blobs.h - the folder of blobs (blob.h). Inside store/ alone. Any thread. */
#pragma once
#include "store/store.h"

struct blobs;
/* Makes the folder, and removes what no row knows. The database is open and nobody writes yet. */
bool blobs_open(struct store *s, const char *dir, struct err *e);
void blobs_close(struct store *s);
/* The folder as it is, to read from: of a store that is read beside its process. */
bool blobs_look(struct store *s, const char *dir, struct err *e);
void blobs_unlook(struct store *s);
int blobs_dir(const struct blobs *b); /* its descriptor */
/* For blob_drop() and blob_doubt(). */
void blobs_add_dead(struct blobs *b, int64_t key);
void blobs_add_doubtful(struct blobs *b, int64_t key);
/* Removes what was dropped, unless somebody copies (hold.h). Blocks. */
void blobs_bury(struct blobs *b);
/* That one is being written anew, and is not removed before another is, or none (0). */
void blobs_rewrite(struct blobs *b, int64_t key);
/* How many were dropped and are still there. */
size_t blobs_dead(struct blobs *b);
/* Drops the doubtful that no row knows. Blocks. */
void blobs_judge(struct store *s);
