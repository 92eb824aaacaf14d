/* level.h - a limit that drains: so many units of a period, as one number. Pure; see docs/design/limits.md.
 *
 * `full_at` is when all of it will be there again. Nanoseconds. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct level {
	int64_t full_at;
	int64_t began, added; /* charged since the row was written: from `began` on, so much; added 0: nothing was */
};
struct level_rule {
	int64_t most, period_ns; /* most > 0 units a period */
};
/* How long until `n` more units fit; 0: now, -1: never, since there are not as many. */
int64_t level_wait(const struct level *l, struct level_rule r, int64_t n, int64_t now);
/* Takes them, or gives them back (n < 0), whether they fit or not. */
void level_charge(struct level *l, struct level_rule r, int64_t n, int64_t now);
/* Whole units that are left. */
int64_t level_left(const struct level *l, struct level_rule r, int64_t now);
/* What others have charged is known: the row says `full_at`, `sent` of `added` is in it. */
void level_settle(struct level *l, int64_t full_at, int64_t sent);
