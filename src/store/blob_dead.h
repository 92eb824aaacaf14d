/* blob_dead.h - blobs that are to be removed, for blob_drop(), blob_drop_near() and blob_doubt(). Inside store/ alone.
 * Any thread. What is still in it at an end is found by the next start, or by its age. */
#pragma once
#include "store/store.h"

struct blob_dead;
struct blob_dead *blob_dead_new(void);
void blob_dead_free(struct blob_dead *d);
void blob_dead_add(struct blob_dead *d, int64_t key);
void blob_dead_add_near(struct blob_dead *d, int64_t key);
void blob_dead_doubt(struct blob_dead *d, int64_t key);
/* How many were dropped and are still there. */
size_t blob_dead_left(struct blob_dead *d);
/* Drops the doubtful that no row knows. Blocks. */
void blob_dead_judge(struct store *s);
/* Removes what was dropped, unless somebody copies (hold.h). Blocks. */
void blob_dead_bury(struct store *s);
