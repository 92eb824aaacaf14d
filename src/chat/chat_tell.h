/* chat_tell.h - what a chat completion says to its client: chunks of a stream, or one object at its end. Loop thread. */
#pragma once
#include "chat/chat_life.h"

/* Of a stream: the choice begins, with a call or with text; once. */
void chat_tell_begin(struct chat *c, struct chat_run *r, bool call);
/* What the event added last tells. */
void chat_tell_event(struct chat *c, struct chat_run *r, const struct model_event *me);
/* Of a stream: the choice is over. */
void chat_tell_finish(struct chat *c, struct chat_run *r);
/* The completion as an object, in its arena; as it is stored, or as it is answered. */
struct str chat_tell_object(struct chat *c, bool stored);
/* c->error, if anybody still reads. */
void chat_tell_failed(struct chat *c);
/* The end, of whatever kind; the reply is gone then. */
void chat_tell_end(struct chat *c);
