/* copy.h - what a copy of a data folder is made of: the database, and the files that its rows name. Blocks. */
#pragma once
#include "store/store.h"

/* The database alone, as it is at one moment, in a new file at `to`; its server may run. */
bool copy_database(const struct store_options *o, const char *to, struct err *e);
/* One file below the data folder, "files/00..." or "boxes/00.../plot.png". */
struct copy_file {
	struct str path; /* valid inside the call */
	int64_t bytes;   /* as its row says */
	bool elsewhere;  /* in a shared folder or in S3, not in the data folder; path: its name there */
	bool changes;    /* code in a container works on it: it may be gone or another one by now */
};
/* Calls each() for all of them, in one snapshot; false of it ends the walk with its error. Of a store that is read
 * beside its process. */
bool copy_files(struct store *s, bool (*each)(void *ctx, const struct copy_file *f, struct err *e), void *ctx,
		struct err *e);
