/* indexer.h - the threads that fill the indexes: they take entries from the queue (store/vector_queue.h), oldest first,
 * a project in turn, and drop what was deleted.
 *
 * An entry is whole in the index before it is completed; what a stop or a crash cut off goes on at its last slice. */
#pragma once
#include "index/embedder.h"
#include "index/shelf.h"

struct indexer;
struct indexer *indexer_new(struct store *s, struct shelf *shelf, struct embedder *m);
/* Waits for its threads; what they are at is left as it is. */
void indexer_free(struct indexer *ix);
/* There is something to do. Any thread; does not block. */
void indexer_wake(struct indexer *ix);
