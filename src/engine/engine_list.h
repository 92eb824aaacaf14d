/* engine_list.h - the engines as people see them, and as they drain them: for metrics, the console, `antiphon top` and `engines`.
 *
 * Any thread. */
#pragma once
#include "engine/chat.h"
#include "engine/engine.h"
#include "engine/sent.h"
#include "wire/json.h"

struct engine_info {
	struct str name, why, dialect; /* why: what is wrong, or "" */
	struct str fleet;              /* whose queue it serves; a lone engine is its own */
	struct str state;              /* unknown, loading, up, down; broken: it fails too often, and is left out; draining, leaving */
	int64_t slots, busy, waiting;  /* waiting: in its fleet's queue, without those that let others go before them */
	double tokens_a_second;        /* of one call, moving; 0: not known yet */
	size_t models;
	bool managed, takes;           /* takes: calls may go there */
	struct engine_caps caps; /* as found out, or until then as assumed */
	int64_t context;         /* tokens; 0: not told */
	struct str traits;       /* "limit=max_tokens effort=no ...": how it is asked */
	size_t learnt;           /* how many of these its refusals have taught */
};
/* Copies, in `a`. */
size_t engine_list(struct engines *s, struct arena *a, struct engine_info **ret);
/* {"engines":[...]}, open: who writes it goes on and ends it. */
void engine_list_write(struct engines *s, struct arena *a, struct jout *o);
/* The engine of that name gets no new calls, or gets them again, until the server ends. ERR_NOT_FOUND. */
bool engine_drain(struct engines *s, struct str name, bool drain, struct err *e);
/* What they were sent lately; lives as long. */
struct sent *engines_sent(struct engines *s);
