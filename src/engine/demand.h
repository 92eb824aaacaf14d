/* demand.h - an answer in which tool_choice demands a call.
 *
 * Some engines read tool_choice and make a text all the same. So what such an answer says before its first call is held
 * back; when it ends without a call, it is dropped and the engine is asked once more in the form of forced.h, where
 * nothing but a call can be said. Its thoughts are told as they come. Pure. */
#pragma once
#include "engine/chat.h"

struct demand_held;
struct demand {
	void (*emit)(void *ctx, const struct model_event *);
	void *ctx;
	struct arena *arena;
	struct demand_held *first, **last;
	size_t bytes;
	bool holds; /* no call has come yet */
	bool again; /* this is the second attempt */
	struct usage spent; /* of the first */
	struct engine_caps caps; /* of the second */
};
/* At the head of an answer; `d` is that of the first attempt, or NULL. NULL: no call is demanded of an engine that knows of
 * calls. Lives in `a`. */
struct demand *demand_begin(struct demand *d, struct arena *a, const struct engine_caps *caps, const struct prompt *p,
			    void (*emit)(void *ctx, const struct model_event *), void *ctx);
/* Emits the event, or holds it back. */
void demand_event(struct demand *d, const struct model_event *ev);
/* Emits what was held back: the answer is over. NULL is fine. */
void demand_end(struct demand *d);
/* The answer had no call; NULL: none was demanded. Drops what was held, counts what it cost and changes *caps for the second attempt. false: there is
 * none, or too much was said to be held. */
bool demand_again(struct demand *d, const struct engine_caps **caps, const struct usage *spent);
/* What the first attempt cost. NULL is fine. */
const struct usage *demand_spent(const struct demand *d);
/* What is left to say if the second attempt fails, too. */
bool demand_fail(struct err *e);
