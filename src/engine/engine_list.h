/* engine_list.h - the engines as people see them: for metrics, the console and `antiphon top`.
 *
 * Any thread. */
#pragma once
#include "engine/engine.h"

struct engine_info {
	struct str name, state, why, dialect; /* state: unknown, loading, up, down; why: what is wrong, or "" */
	int64_t slots, busy, waiting;         /* waiting: those that let others go before them not among it */
	double tokens_a_second;               /* of one call, moving; 0: not known yet */
	size_t models;
	bool managed;
};
/* Copies, in `a`. */
size_t engine_list(struct engines *s, struct arena *a, struct engine_info **ret);
