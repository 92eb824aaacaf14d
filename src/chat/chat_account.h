/* chat_account.h - a chat completion is measured, and what it used is counted. Loop thread. */
#pragma once
#include "chat/chat_life.h"

void chat_enter(struct chat *c, enum phase next);
/* One of several calls speaks for the first time, or has ended. */
void chat_measure_call(struct chat *c, const struct engine_call *call);
/* It is freed next. */
void chat_measure_end(const struct chat *c);
/* It is read: may its asker have it? */
bool chat_may(struct chat *c, struct request *rq, struct err *e);
/* What it has used, in its arena; *n may be 0. What is made as a response is counted as one. */
const struct usage_add *chat_usage(struct chat *c, size_t *n);
