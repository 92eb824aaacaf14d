/* call_pair.h - calls of ours that are two items: the call, which ends when the engine has written it, and behind it what comes of it
 * (hosted.h, result). Inside turn/ alone. Loop thread.
 *
 * Both stand, and are in the log of a background run, before anything runs: so a call that was cut off has its result, which says
 * so, and what follows can stand on both. */
#pragma once
#include "turn/hosted_call.h"
#include "turn/turn_output.h"

/* Is it the call of such a pair, or what comes of one? */
static inline bool pair_call(const struct out_item *it)
{
	return it->tool && it->tool->hosted && it->tool->hosted->result.type && it->type == it->tool->hosted->item;
}
static inline bool pair_result(const struct out_item *it)
{
	return it->tool && it->tool->hosted && it->tool->hosted->result.type && it->type == it->tool->hosted->result.type;
}
/* The item that says what came of a call. */
struct out_item *call_result_item(const struct hosted_call *c);
/* The engine has written it: its item ends. */
void pair_written(struct turn *t, struct hosted_call *c);
/* The call was cut off while it was written. */
void pair_unwritten(struct turn *t, struct hosted_call *c);
/* Opens the item of what will come of it. */
void pair_open(struct turn *t, struct hosted_call *c);
/* The members of that item when nothing came of the call, and why. In t->arena. */
struct str pair_blank(struct turn *t, const struct out_item *result, struct str why, bool begun);
/* Its end: what its members say is told. */
void pair_close(struct turn *t, struct out_item *result, bool whole);
/* The same of one that was cut off. */
void pair_cut(struct turn *t, struct out_item *result);
/* After a restart: calls that were told and have no result get one that was cut off. */
void pair_mend(struct turn *t);
