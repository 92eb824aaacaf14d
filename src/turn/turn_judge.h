/* turn_judge.h - the parameter `moderation`: input and output of a finished response, judged by an engine.
 *
 * One question to the engine of moderations.engine, before the response is kept. What it says of the texts stands in
 * response.moderation, or why it says nothing; nothing is withheld, as live. Pictures are not judged. Loop thread. */
#pragma once
#include "turn/turn.h"

/* ERR_UNSUPPORTED_PARAMETER: it is asked for, and there is no such engine. */
bool turn_judge_possible(const struct turn *t, struct err *e);
/* true: the engine is asked, and turn_run() comes. false: there is nothing (more) to ask. */
bool turn_judge(struct turn *t);
void turn_judge_cancel(struct turn *t);
