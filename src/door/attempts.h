/* attempts.h - the SDKs' own blind retries.
 *
 * The SDKs send a POST again, up to twice, when a connection fails, with X-Stainless-Retry-Count: 1, 2 and
 * no key. Every POST of a client that sends that header is an attempt, found by (project, body hash); a
 * retry within api_limits.replay_seconds joins the attempt that runs, or gets its answer. Thread-safe; a
 * joiner belongs to its loop. */
#pragma once
#include "news/watch.h"

struct attempts;
struct attempt;

struct attempts *attempts_new(void);
void attempts_free(struct attempts *as);

/* SHA-256 of a request's decoded body. */
void body_hash(struct str body, uint8_t out[32]);

/* A first attempt begins; the caller is its owner until attempt_end(). */
struct attempt *attempt_begin(struct attempts *as, int64_t project, const uint8_t hash[32], struct str response_id);
/* The first client is gone: a retry will want this attempt rather than an equal one beside it. */
void attempt_abandoned(struct attempt *at);
bool attempt_joined(struct attempt *at);
enum attempt_end {
	ATTEMPT_FAILED, /* nothing to keep: a retry begins anew; joiners get the error */
	ATTEMPT_STORED, /* the answer is the stored response of that id */
	ATTEMPT_KEPT,   /* the answer is given here (store: false) */
	ATTEMPT_STREAM, /* the answer is in the replay buffer */
	ATTEMPT_LOG     /* the answer is in the log of a background run */
};
/* `answer`: the JSON body (ATTEMPT_KEPT, ATTEMPT_FAILED: the error body). Copied. The owner lets go. */
void attempt_end(struct attempt *at, enum attempt_end end, int status, struct str answer);

struct joiner {
	void (*done)(struct joiner *); /* on its loop, once: the fields below are set */
	struct attempt *attempt;       /* NULL: idle */
	struct watch watch;
	enum attempt_end end;
	int status;
	struct str answer; /* until join_stop() */
	char id[64];       /* the response's */
};
/* Joins an attempt; false: there is none. done() also comes when it has ended already. */
bool join_start(struct attempts *as, int64_t project, const uint8_t hash[32], struct loop *l, struct joiner *j,
                void (*done)(struct joiner *));
void join_stop(struct joiner *j);
