/* run.h - background runs: a durable queue and a log of events. Included by store.h, which has the rules.
 *
 * A run is queued, then held by one worker under a lease, then ended; its response is seen through
 * store_get_response() all the while. Every write of a worker names its `holder` (a random number of its own) and
 * fails with ERR_CONFLICT once the run is no longer its own. A run's events are kept in batches, each one row, and never
 * change; a batch is the bytes the caller gives, made of `n` events numbered from `seq` on. An ended run goes at
 * `expires_at`; with `kept` its response stays. The leases of a node's earlier incarnations are void (node.h).
 * A project's queue: first what was to wait until a time that is over (due_at later than created_at), the longest over first;
 * then by priority (even), of one priority those whose `continuation` has begun with another run, then by age. */
#pragma once
#include "store/store.h"

struct turn_record;
struct run_batch {
	int64_t seq, n;
	struct str events;
};
struct run_record {
	int64_t project, asker;  /* asker: the number of the API key; 0: none */
	struct id id;            /* of the response */
	int64_t created_at, due_at, priority; /* seconds */
	struct str continuation; /* {0}: none */
	bool kept, obfuscated;   /* kept: request.store */
	struct str request, body; /* to be read again by the worker; the response object as it stands */
	struct run_batch first;
	int64_t most_project, most; /* queued runs allowed */
	const struct idempotency *idem; /* NULL: none; else `body` is the answer, with 200 */
};
/* ERR_BUSY: the queue is full. Everything is copied before it returns. */
void store_run_put(struct store_port *p, struct store_op *op, const struct run_record *r);

struct run_place {
	struct id id;
	int64_t project;
};
struct run_query {
	const struct run_room {
		int64_t project, room; /* how many more of that project may run */
	} *rooms;
	int64_t room, late; /* room: of any other project; late: queued runs that were due by that second count as late */
	size_t n_rooms, most; /* most: of each list */
	int64_t all, after; /* places free in all (0: nothing is due); the project whose turn was last */
};
struct run_list {
	struct run_place *due;    /* queued, as far as their projects have room: of each project in turn one, then another */
	struct run_place *urgent; /* their worker is gone, or they are late: to be taken whatever the room */
	size_t n_due, n_urgent;
};
void store_run_find(struct store_port *p, struct store_op *op, const struct run_query *q, struct arena *a, struct run_list *ret);

struct claimed_run {
	int64_t created_at, tries, asker; /* tries: how often it was begun, this time included */
	bool kept;
	struct str request;
	struct run_batch *batches; /* all of its events so far */
	size_t n_batches;
};
/* ERR_CONFLICT: it is held by another, or it has ended. */
void store_run_claim(struct store_port *p, struct store_op *op, const struct run_place *place, int64_t holder, int64_t lease_until, struct arena *a, struct claimed_run *ret);
/* Frees a claim that may have been written, or whose run could not be read. Nobody is told. */
void store_run_leave(struct store_port *p, int64_t key, int64_t holder);
/* The heartbeat of a holder's runs. */
void store_run_keep(struct store_port *p, struct store_op *op, int64_t holder, int64_t lease_until);
/* Further events, and the response object as it now stands ({0}: as before). */
void store_run_append(struct store_port *p, struct store_op *op, int64_t key, int64_t holder, const struct run_batch *b, struct str body);
struct run_end {
	int64_t holder, expires_at;
	struct run_batch last;
	struct str body; /* without `store`: the whole response object */
	const struct webhook_event *event; /* for who wants to know of it (webhook.h); NULL: none */
};
/* The end: last events, status, the turn itself and what webhook endpoints have to be told, all or nothing. */
void store_run_end(struct store_port *p, struct store_op *op, const struct run_end *end, const struct turn_record *t);
struct run_events {
	struct run_batch *batches; /* the first may begin before what was asked for, but has some of it */
	size_t n;
	bool ended; /* there are no further ones, now or later */
};
/* Events from number `from` on, about `most` bytes. ERR_NOT_FOUND: no such run, or its events are gone. */
void store_run_read(struct store_port *p, struct store_op *op, int64_t project, struct str id, int64_t from, size_t most, struct arena *a, struct run_events *ret);
