/* chat_judge.h - the parameter `moderation`: a finished chat completion's messages and answers, judged by an engine.
 *
 * One question, before the completion is kept and its end leaves; nothing is withheld, as live. Loop thread. */
#pragma once
#include "chat/chat_life.h"

/* true: the engine is asked, and then() comes for c->ending.verdict. false: it is not asked for, or there is nothing to ask. */
bool chat_judge(struct chat *c, void (*then)(struct verdict *));
/* The answer, into c->head; in then(). */
void chat_judge_settle(struct chat *c);
