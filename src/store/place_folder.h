/* place_folder.h - blobs as files of a folder (blob_place.h). Inside store/ alone.
 *
 * A blob is written under another name, synced, given its own, and the folder is synced. What is removed can still be
 * read by who has it open, on the same machine. */
#pragma once
#include "store/blob_place.h"

/* `fd`: the folder's, which becomes the place's. `shared`: by several nodes, e.g. over NFS (docs/blobs.md). */
struct place *place_folder_new(int fd, bool shared);
int place_folder_dir(const struct place *p); /* that descriptor */

enum { BLOB_NAME = 32 };
/* What the blob of a key is called in it. */
void place_folder_name(char out[BLOB_NAME], int64_t key);
