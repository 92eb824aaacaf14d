/* inlay.h - pictures and other bytes inside an item, which lie in a blob of their own. Inside store/ alone.
 *
 * An item's JSON holds bytes as base64: a picture that was made, the data URL of one that was sent, a file. What is
 * longer than store.inlay_bytes is cut out of the text and kept as bytes (blob.h); the row names the blob and the
 * places (docs/design/store.md, Inlays). Cut and joined again a text is the same to the byte, so nobody above the store
 * knows of it. A row's three columns are its text, the blob's key (0: none) and the places. */
#pragma once
#include "store/request.h"

/* What a row gets. */
struct inlaid {
	struct str text, places;
	int64_t blob; /* 0: text is the whole */
	char *made;   /* heap */
};
/* Of `text`, which must stay until inlay_release(). Its bytes go into the room that `r` has for texts; they are never
 * more than what `text` loses. */
struct inlaid inlay_cut(struct store_request *r, struct str text);
void inlay_release(struct inlaid *in);

/* How many bytes its blob has, by its places. */
int64_t inlay_bytes(struct str places);
/* Of a row's three cells. Blocks for as long as reading the blob takes. */
size_t inlay_size(const struct cell *cells);
/* The whole text: the cell's own, or joined in `a`. {0}: its bytes cannot be read, which is logged. Any thread. */
struct str inlay_text(struct store *s, struct arena *a, const struct cell *cells);
