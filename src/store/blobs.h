/* blobs.h - where this node's blobs are (blob.h). Inside store/ alone. Any thread.
 *
 * There are two places, often one: that of files (blob_options.h), and one near, which loops may read (inlay.h). */
#pragma once
#include "store/blob_options.h"
#include "store/store.h"

struct blobs;
/* Makes the folder "files" in `dir`, and removes what no row knows, where nobody else puts any. The database is open
 * and nobody writes yet. */
bool blobs_open(struct store *s, const char *dir, struct err *e);
/* As they are, to read from: of a store that is read beside its process. */
bool blobs_look(struct store *s, const char *dir, struct err *e);
void blobs_close(struct store *s);                /* also what was never opened */
int blobs_dir(const struct blobs *b);             /* a descriptor of "files" in the data folder */
struct place *blobs_place(const struct blobs *b); /* blob_place.h */
struct place *blobs_near(const struct blobs *b);
/* Where the near ones lie when the others lie there. */
enum blob_where blobs_near_where(const struct store *s, enum blob_where w);
/* Another one by the settings, to be freed (kind->free()); NULL: ERR_CONFIG. */
struct place *blobs_place_at(const struct blobs *b, enum blob_where w, struct err *e);
