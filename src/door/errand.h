/* errand.h - a request that a worker thread answers: for nouns whose rows, files or searches are asked by who may block
 * (vector stores, skills).
 *
 * The errand is on the heap, with all it needs in an arena of its own, and may outlive its client by the work under
 * way. The body is read on the loop; work() runs on a worker and touches nothing of the loop's; then the answer leaves.
 */
#pragma once
#include "door/blob_content.h"
#include "index/search.h"
#include "loop/workers.h"
#include "store/vector_file.h"
#include "wire/json.h"

struct errand {
	struct request *rq; /* NULL: the client left. The loop's alone */
	struct reader reader;
	struct job job;
	struct arena arena;
	struct store *store;
	struct search *search;
	int64_t project;
	struct str args[2]; /* the path's */
	yyjson_val *body;   /* an object; NULL: the route takes none */
	void *more;         /* the handler's own, in the arena */
	/* Worker thread: writes `out`, or fails. */
	bool (*work)(struct errand *er, struct err *e);
	struct buf out;
	struct err error;
	bool changed;            /* the indexer of vector stores has to look */
	int64_t poll_after_ms;   /* > 0: header openai-poll-after-ms, by which the SDKs' helpers wait */
	const char *not_applied; /* for the header antiphon-not-applied; NULL: none */
	struct blob_file file;   /* with a key: these bytes are the answer, not `out` */
	bool started; /* until then a client that leaves takes it along: what is under way for it on the loop is ended by the
		       * arena (arena_defer()) */
};
/* All of a handler: makes er->more of `size` bytes, zeroed, lets read() fill it on the loop (NULL: there is nothing to read),
 * and starts, or answers with what read() refuses. */
void errand_begin(struct request *rq, bool (*work)(struct errand *er, struct err *e), size_t size,
		  bool (*read)(struct errand *er, void *more, struct err *e));
/* By hand. Reads the body, if there is one. NULL: answered already. */
struct errand *errand_new(struct request *rq, bool (*work)(struct errand *er, struct err *e));
void errand_start(struct errand *er);
/* Answers with the error instead. */
void errand_fail(struct errand *er, const struct err *e);

/* --- for work() --- */
/* The store of the path. A store that has expired is found, too. */
bool errand_store(struct errand *er, struct vector_store *ret, struct err *e);
static inline struct jout errand_out(struct errand *er)
{
	return (struct jout){&er->out, false};
}
/* {"id","object","deleted":true} */
void errand_deleted(struct errand *er, struct str id, struct str object);
