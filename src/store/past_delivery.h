/* past_delivery.h - the deliveries of a webhook endpoint, to be looked at and sent again: those that wait (outbox.h),
 * and those that are over, of which the newest are kept for a while (store.past_deliveries,
 * store.past_delivery_seconds).
 *
 * Any thread that may block. */
#pragma once
#include "store/store.h"

struct past_delivery {
	struct id event;
	struct str type, subject, fault; /* fault: what was wrong with the last try; "": nothing */
	int64_t created_at, ended_at;    /* seconds; ended_at 0: it waits */
	int64_t due_ms, tries,
	    answer; /* due_ms: when it is tried next; answer: the last try's HTTP status, 0: none came */
	bool delivered;
};
struct past_deliveries {
	struct past_delivery *list; /* newest event first */
	size_t n;
	int64_t next; /* `before` of the next page; 0: there are no more */
};
/* Events whose keys are below `before` (0: from the newest). ERR_NOT_FOUND: the project has no such endpoint. */
bool past_delivery_list(struct store *s, int64_t project, struct str endpoint, int64_t before, int64_t limit,
			struct arena *a, struct past_deliveries *ret, struct err *e);
/* Once more as soon as may be: the same event with the same id, as if it had just come; one that waits waits no longer.
 * ERR_NOT_FOUND: it is not kept any more, or never was. */
bool past_delivery_again(struct store *s, int64_t project, struct str endpoint, struct str event, struct err *e);
