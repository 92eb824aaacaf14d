/* chat_error.h - what an engine refuses, and what need not be asked of it. Pure. */
#pragma once
#include "engine/chat.h"
#include "net/client.h"

/* May an answer of that content type be one of Chat Completions? What it is its first byte will tell. */
bool chat_may_answer(struct str type);
/* An engine's error answer as ours; always fills *e. The engine's own text is passed on only where it says
 * something of the request that the client can use, never with paths, keys or parser internals. */
void chat_error(int status, struct str body, const struct engine_model *m, struct err *e);
/* What cannot be asked of this model: behind engine_accepts(). */
bool chat_accepts(const struct engine_caps *caps, const struct engine_model *m, const struct prompt *p, struct err *e);
/* What an engine's headers of that name say of when to ask again; -1: nothing. A date says nothing here. */
int64_t chat_retry_ms(struct str retry_after_ms, struct str retry_after);
