/* blobs.h - the folder of files as the store itself sees it. Any thread. */
#pragma once
#include <pthread.h>

#include "store/store.h"

struct blobs {
	int dir;
	pthread_mutex_t lock; /* over what follows */
	struct blob_list {
		int64_t *keys;
		size_t n, cap;
	} dead, doubtful; /* to be removed by the sweeper; the doubtful unless a row knows them */
};

/* Makes the folder, and removes what no row knows. The database is open and nobody writes yet. */
bool blobs_open(struct store *s, const char *dir, struct err *e);
void blobs_close(struct store *s);
/* Removes what was dropped. Blocks. */
void blobs_bury(struct blobs *b);
/* Drops the doubtful that no row knows. Blocks. */
void blobs_judge(struct store *s);
