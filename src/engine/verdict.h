/* verdict.h - texts judged by the engine of moderations.engine: one question about all of them.
 *
 * What it says, or why it says nothing, is written in the form of OpenAI's parameter `moderation`. Pictures are not
 * judged. Loop thread. */
#pragma once
#include "engine/abilities.h"

struct verdict { /* embed it; {0}: idle. done() follows loop.h */
	void (*done)(struct verdict *);
	struct arena *a;
	struct ability_at at;
	struct http_call call;
	int status;
	struct buf answer;
	bool busy;
	bool *asked; /* which of the texts; the others say nothing */
	size_t n, n_asked;
	struct str model;    /* that judged */
	yyjson_val *results; /* one a text that was asked; NULL: none, for the reason in `why` */
	struct err why;
};
struct verdict_ask {
	struct engines *engines;
	struct engine_port *port;
	yyjson_val *wish; /* the parameter: its model is asked for */
	const struct str *texts;
	size_t n;
};
/* Appends what a message says, or what a function gave, in lines. */
void verdict_text(struct buf *b, yyjson_val *item);
/* ERR_UNSUPPORTED_PARAMETER: no such engine is configured. */
bool verdict_possible(const struct engines *s, struct err *e);
/* true: the engine is asked, and done() comes. false: there was nothing to ask. `a` outlives it; texts are copied. */
bool verdict_start(struct verdict *v, struct arena *a, const struct verdict_ask *ask);
void verdict_cancel(struct verdict *v);
/* Of text `i`: {"type": "moderation_result", ...} or {"type": "error", ...}. */
void verdict_put(struct jout *o, const struct verdict *v, size_t i);
/* Of `n` texts from `i` on, as chat completions have it: {"type": "moderation_results", ...} or an error. */
void verdict_put_all(struct jout *o, const struct verdict *v, size_t i, size_t n);
