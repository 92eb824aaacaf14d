/* rewrite.h - `rewrite_query` of a search: the default model is asked for a search phrase in the place of each query.
 *
 * On the loop, between the reading of an errand and its start, in at most index.rewrite_ms. Without an engine, in too
 * long a time, or with an answer that is no list of as many phrases the queries stay as they are: a search does not
 * fail for it. */
#pragma once
#include "door/errand.h"

/* done() starts the errand; never inside the call. phrases NULL: not rewritten; else `n`, in the errand's arena. */
void rewrite_start(struct errand *er, const struct str *queries, size_t n,
		   void (*done)(struct errand *er, const struct str *phrases));
