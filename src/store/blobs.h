/* blobs.h - the folder of files as the store itself sees it. Any thread. */
#pragma once
#include <pthread.h>

#include "store/store.h"

struct blobs {
	int dir;
	pthread_mutex_t lock; /* over what follows */
	int64_t *dead;        /* to be removed by the sweeper */
	size_t n_dead, cap_dead;
};

/* Makes the folder, and removes what no row knows. The database is open and nobody writes yet. */
bool blobs_open(struct store *s, const char *dir, struct err *e);
void blobs_close(struct store *s);
/* The folder as it is, to read from: of a store that is read beside its process. */
bool blobs_look(struct store *s, const char *dir, struct err *e);
enum { BLOB_NAME = 32 };
/* What the blob of a key is called in it. */
void blob_name(char out[BLOB_NAME], int64_t key);
/* Removes what was dropped, unless somebody copies (hold.h). Blocks. */
void blobs_bury(struct blobs *b);
