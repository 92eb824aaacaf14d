/* sweep_file.h - a slice of what the sweeper takes away, in the making; bytes beside the database, and batches, in it. Inside store/
 * alone. */
#pragma once
#include "store/request.h"

struct slice {
	struct store *store;
	struct db_reader *reader;
	struct store_request *request;
	struct err *err;
	int64_t now;
	size_t rows, budget;
	int64_t key;    /* the context being taken away ... */
	int64_t parent; /* ... and the next that goes with it; 0: none */
	int64_t events; /* of the background run being taken away */
	int64_t *blobs; /* go once the slice is written; room for `budget` */
	size_t n_blobs;
	bool near; /* they are inlays */
};

/* Inside the slice's snapshot, when nothing else is found. false: s->err. */
bool sweep_inlays(struct slice *s);
bool sweep_files(struct slice *s);
bool sweep_skills(struct slice *s);
bool sweep_batches(struct slice *s);
