/* run_log.h - the events of a background run on their way to the store.
 *
 * Events are gathered and leave as one batch after at most BATCH_MS; readers hear of a batch once it is committed.
 * One batch is under way at a time; one that could not be written is tried again until it can. Loop thread. */
#pragma once
#include "door/request.h"
#include "news/run_news.h"
#include "replay/run_events.h"

struct run_log {
	struct api_loop *api;
	int64_t key, holder;
	int64_t seq, n;      /* number of the first event gathered, and how many are */
	struct buf open;     /* they */
	struct buf body;     /* the response object that goes with them; empty: it did not change */
	struct run_batch sent;
	struct buf sending, sent_body;
	bool under_way;
	int64_t last_ms;     /* when a batch last left */
	struct store_op op;
	struct timer beat;
	void (*room)(struct run_log *); /* called after a commit when it is not full (any more) */
	void (*idle)(struct run_log *); /* when set: called when nothing is under way any more */
	void (*lost)(struct run_log *); /* the run is no longer ours; may free the log */
	void (*synced)(struct run_log *); /* when set: called once all that is gathered is committed */
};

void run_log_open(struct run_log *log, struct api_loop *al, int64_t key, int64_t holder, int64_t seq);
void run_log_close(struct run_log *log);
void run_log_add(struct run_log *log, int64_t delta, struct str json);
/* More waits for the store than is good (api_limits.run_log_bytes): stop producing until room(). */
bool run_log_full(const struct run_log *log);
/* What the item at that output index is kept as, beside what its events tell: for a worker that takes the run up again, never
 * for readers. Goes with the event that comes next. */
void run_log_keep(struct run_log *log, int index, struct str item);
/* Is all committed? Else synced() is called when it is. */
bool run_log_synced(struct run_log *log, void (*synced)(struct run_log *));
/* No batch leaves any more: the caller writes what is gathered itself. false: wait for idle(). */
bool run_log_stop(struct run_log *log);
