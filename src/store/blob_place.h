/* blob_place.h - where the bytes of blobs lie (blob.h). Inside store/ alone.
 *
 * A place knows keys and bytes: no rows, and nothing of what the bytes mean. It is a table of functions; those with a
 * struct err block, and may be called on any thread. place_folder.h and place_s3.h have one each. */
#pragma once
#include <sys/types.h>

#include "base/err.h"
#include "loop/loop.h"

struct place {
	const struct place_kind *kind;
};
struct place_out { /* a blob being written, by one thread at a time */
	struct place *place;
	int64_t key;
};
struct place_in { /* a blob being read */
	struct place *place;
	int64_t bytes; /* its length */
};
struct place_found {
	int64_t at;       /* when it was written last, seconds since 1970; 0: not told */
	int64_t key;      /* 0: one half written */
	const char *name; /* for remove_named() */
};

struct place_kind {
	bool shared; /* by nodes: what no row knows may be on its way into another's row, until it is old */

	/* NULL: e; ERR_STORE_FULL when there is no room. A key is used once. */
	struct place_out *(*begin)(struct place *p, int64_t key, struct err *e);
	bool (*write)(struct place_out *o, struct str bytes, struct err *e);
	/* One of these two ends it. Kept it is whole, durable, and found under its key; else nothing of it is. What is
	 * abandoned is removed by remove(), since abandon() does not block. */
	bool (*keep)(struct place_out *o, struct err *e);
	void (*abandon)(struct place_out *o);

	/* NULL: ERR_NOT_FOUND, ERR_STORE. */
	struct place_in *(*open)(struct place *p, int64_t key, struct err *e);
	/* At most `n` bytes from `at` on; 0: it ends there; -1: e. */
	ssize_t (*read)(struct place_in *in, int64_t at, char *to, size_t n, struct err *e);
	/* A file that is the blob, byte by byte; -1: there is none. Goes with `in`. */
	int (*descriptor)(const struct place_in *in);
	void (*close)(struct place_in *in);

	/* Kept or half written; what is not there is no fault. */
	bool (*remove)(struct place *p, int64_t key, struct err *e);
	bool (*remove_named)(struct place *p, const char *name, struct err *e);
	/* All that is there and is a blob's; each() may remove it. false of each() ends it so. */
	bool (*list)(struct place *p, bool (*each)(void *ctx, const struct place_found *f, struct err *e), void *ctx,
		     struct err *e);
	/* Makes it `owner`'s if it is nobody's. CONFIG: it is another's, or cannot be used; the words say why. NULL
	 * where nobody else can come. */
	bool (*claim)(struct place *p, struct str owner, struct err *e);
	/* Who waits for it gives up within about a second. NULL: nobody waits. */
	void (*stop)(struct place *p);
	void (*free)(struct place *p);
};
