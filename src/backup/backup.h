/* backup.h - a copy of the data folder, whole and checked, while its server runs or not.
 *
 * The database is copied first, as it is at one moment; then the files that this copy names, whose bytes stay meanwhile
 * (store/hold.h). It is looked through as `antiphon check` does, each file's size is compared, all is synced, and only
 * then does the folder get its name. Blocks. */
#pragma once
#include "base/err.h"

struct backup {
	struct str dir; /* the data folder */
	struct str url; /* of its store, as a setting; {0}: in the folder */
	struct str to;  /* must not be there; TO.partial is the copy in the making, one that was cut off is made anew */
	struct str secret; /* the file of the master secret */
	/* Now and then, on this thread: so much is copied. NULL: nobody looks. */
	void (*progress)(void *ctx, const struct backup *b);
	void *ctx;
	/* results */
	size_t files;     /* copied beside the database */
	int64_t bytes;    /* of them */
	size_t elsewhere; /* files whose bytes lie in a shared folder or in S3: not in the copy, but listed in files-elsewhere.txt */
	size_t left;      /* files of containers that were removed or changed while they were copied: not in the copy */
	bool without_key; /* there is no file of the master secret */
};
bool backup_make(struct backup *b, struct err *e);
