/* answer_text.h - what the words of a streamed answer go through before they are events.
 *
 * 1. Characters that were cut between two pieces are joined (wire/utf8.h).
 * 2. Think tags in the text become thoughts, where the engine's settings name them (`engines[].think_open`).
 * 3. One code fence around the whole text is taken off, where JSON is asked for: models that are asked in words fence
 *    most often, and no JSON text begins with a fence.
 * What may be the beginning of a tag or the end of a fence waits for the next piece. Whoever adds the pieces up gets
 * the whole, since this is in front of all readers. Pure. */
#pragma once
#include "engine/engine.h"
#include "wire/utf8.h"

enum fence_step { FENCE_OFF, FENCE_START, FENCE_TICKS, FENCE_LABEL, FENCE_GAP, FENCE_INSIDE };
enum think_step { THINK_OFF, THINK_START, THINK_OUT, THINK_IN };

struct answer_text {
	const struct think_tags *tags;
	void (*emit)(void *ctx, enum model_event_kind kind, struct str text);
	void *ctx;
	struct utf8_join join;
	enum model_event_kind kind; /* whose tail waits in `join` */
	enum think_step think;
	enum fence_step fence;
	bool fenced; /* JSON is asked for */
	bool gap;    /* white space is left out: behind a tag */
	bool said;   /* some text came out */
	char mark;   /* ` or ~ */
	int marks;   /* how many open the fence */
	struct buf joined, tag, out, held;
};
/* `tags` outlives *t. */
void answer_text_init(struct answer_text *t, const struct think_tags *tags, bool json,
		      void (*emit)(void *ctx, enum model_event_kind kind, struct str text), void *ctx);
void answer_text_release(struct answer_text *t);
/* ME_TEXT, ME_REFUSAL or ME_REASONING. */
void answer_text_feed(struct answer_text *t, enum model_event_kind kind, struct str text);
/* The text is over: at a call, or at the end of the answer. What still waits is settled; more may follow, anew. */
void answer_text_end(struct answer_text *t);
