/* engine_list.h - the engines as people see them: for metrics, the console and `antiphon top`.
 *
 * Any thread. */
#pragma once
#include "engine/chat.h"
#include "engine/sent.h"

struct engine_info {
	struct str name, state, why, dialect; /* state: unknown, loading, up, down; why: what is wrong, or "" */
	int64_t slots, busy, waiting;         /* waiting: those that let others go before them not among it */
	double tokens_a_second;               /* of one call, moving; 0: not known yet */
	size_t models;
	bool managed;
	struct engine_caps caps; /* as found out, or until then as assumed */
	int64_t context;         /* tokens; 0: not told */
	struct str traits;       /* "limit=max_tokens effort=no ...": how it is asked */
	size_t learnt;           /* how many of these its refusals have taught */
};
/* Copies, in `a`. */
size_t engine_list(struct engines *s, struct arena *a, struct engine_info **ret);
/* What they were sent lately; lives as long. */
struct sent *engines_sent(struct engines *s);
