/* choose.h - which member of a fleet answers a call.
 *
 *   1. Of those that may be asked, the one for which the call costs least: what it has to read of the prompt, and each
 *      call that it is busy with, at fleet.call_bytes a call. Who has fleet.imbalance calls more than the least loaded one counts as
 *      having read nothing.
 *   2. Nobody has read any of it: by prompt_cache_key, always the same one (the highest of hashes of key and member), while
 *      it is not that much more loaded.
 *   3. Else the least loaded one, in turns.
 *
 * Pure: who calls has the lock. */
#pragma once
#include "fleet/prefix.h"

struct candidate {
	bool able;    /* it may be asked now, and has room */
	int64_t load; /* calls that it is busy with, or that wait there, of whomever */
	uint64_t id;  /* of its address: prefix_hash() */
};
enum choice_reason { CHOSEN_PREFIX, CHOSEN_KEY, CHOSEN_LOAD };
struct choosing {
	const struct prefixes *prefixes;
	const struct prefix_marks *marks; /* NULL: not known */
	uint64_t key;                     /* prefix_hash() of prompt_cache_key; 0: none */
	unsigned turn;                    /* counts on, so that equals are taken in turns */
};
/* -1: nobody may be asked. n: PREFIX_MEMBERS at most. */
int fleet_choose(const struct choosing *c, const struct candidate *list, size_t n, enum choice_reason *why);
