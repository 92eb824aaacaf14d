/* import.h - a project from an export, into a data folder that no server runs on. Blocks. */
#pragma once
#include "store/store.h"

struct project_import {
	const char *path;   /* the export; read twice: it is checked whole before anything of it is taken */
	struct store *into; /* open, and nobody else's */
	struct str project; /* its new name; {0}: the one it had */
	bool new_ids;       /* all its ids are exchanged, so that it may stand beside itself and beside others */
	/* Now and then: so much is read, in this pass. NULL: nobody looks. */
	void (*progress)(void *ctx, const struct project_import *m);
	void *ctx;
	bool checking;       /* which pass */
	int64_t rows, files; /* results */
	int64_t keys, texts; /* likewise, with new_ids: rows' keys, and ids inside texts */
	char name[128];      /* likewise: the project */
};
/* All or nothing: what a crash leaves half is erased by the next start of a server (user.h, erasing). Refused, with
 * nothing taken: a file that is cut off or changed, of another version, a project that has something, ids that this
 * store cannot have (without new_ids). */
bool project_import(struct project_import *m, struct err *e);
