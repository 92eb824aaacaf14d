/* seal.h - text that clients keep for us and only this store's servers can read back.
 *
 * A sealed text is base64url of: version, key id, nonce, XChaCha20-Poly1305 ciphertext. It is bound to its
 * project and to the item type it came in. Keys are random, lie in the store wrapped by the master secret, and
 * are unwrapped once, by seal_start(): the newest seals, all open. seal_text() and seal_open(): any thread,
 * without locks; the others block. */
#pragma once
#include "base/arena.h"
#include "store/store.h"

struct seal_options {
	struct str secret; /* the master secret itself, 32 characters or more; {0}: it stands in `file` */
	struct str file;
	bool make; /* the file is made (0600) when it is missing and the store has no keys yet */
	bool only_open; /* no key is made: of a store that is read beside its process (beside.h) */
};
/* Once, before the first use; ends with store_close(). A store without keys gets one, and a newer one when the
 * newest is older than store.seal_days. ERR_CONFIG: no master secret, or not the one that this store's keys
 * were wrapped with. */
bool seal_start(struct store *s, const struct seal_options *o, struct err *e);
/* Makes a new key, durably; it seals from now on. */
bool seal_rotate(struct store *s, struct err *e);

/* The sealed text, in `a`. `type` names the kind of item, as in items.def. */
struct str seal_text(const struct store *s, int64_t project, struct str type, struct str plain, struct arena *a);
/* What was sealed, in `a`. ERR_ENCRYPTED_CONTENT, with a text for the client: not ours, changed in any bit, of
 * another project or type, or sealed with a key that this store does not have. */
bool seal_open(const struct store *s, int64_t project, struct str type, struct str sealed, struct arena *a,
	       struct str *ret, struct err *e);

/* --- inside store/ --- */
/* Another node may have made a key. Blocks; false: it could not be read. */
bool seal_refresh(struct store *s);
void sealer_close(struct store *s);
