/* retry.h - a client's own retry gets the answer of its first attempt (door/attempts.h). */
#pragma once
#include "door/request.h"

/* The number in X-Stainless-Retry-Count; -1 without that header (or with nonsense in it). */
int64_t retry_count(const struct exchange *x);
/* true: the request was an earlier one sent again, and is answered, now or when that one ends. */
bool retry_join(struct request *rq, const uint8_t hash[32]);
