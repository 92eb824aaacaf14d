/* sent.h - the requests that engines were sent lately, as they were sent: for who wants to see what a model was told.
 *
 * In memory alone, the newest engine.sent_bytes of them; of those that say whose they are (engine_call.of), which is
 * the key of something that is stored. Without headers and the query of the path, where credentials are. Any thread;
 * one lock. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

struct sent;
struct sent_request {
	int64_t of;    /* whose */
	int64_t at_us; /* wall clock */
	struct str engine, path, body;
};
struct sent *sent_new(void);
void sent_free(struct sent *s);
/* Copied; one that is larger than all may be is not kept. */
void sent_keep(struct sent *s, const struct sent_request *r);
/* The oldest first, copied into `a`; `bodies` false: with their lengths alone (body.p NULL). */
size_t sent_list(struct sent *s, int64_t of, bool bodies, struct arena *a, struct sent_request **ret);
/* Those of something that was deleted. */
void sent_drop(struct sent *s, int64_t of);
/* All: whose they are is known by key alone, and some of it was erased. */
void sent_clear(struct sent *s);
