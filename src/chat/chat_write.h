/* chat_write.h - chat.completion objects and chat.completion.chunk pieces.
 *
 * In a stream each event is first added to its choice (chat_choice.h), then written as a chunk. Members and their order
 * are the live API's. Pure. */
#pragma once
#include "chat/chat_choice.h"

struct chat_head {            /* what all objects of one answer share */
	struct str id, model; /* "chatcmpl-...", the model that answers */
	int64_t created;      /* seconds */
	const struct chat_create *req;
	struct str moderation; /* what judged it said (chat_judge.h): JSON; {0}: it was not asked */
};

/* The answer as one object. */
void chat_completion_write(struct jout *o, const struct chat_head *h, const struct chat_choice *c, size_t n,
			   const struct usage *usage);
/* The same as it is stored: with what the live API tells of the request beside it, but without its metadata (which
 * can change) and the closing brace. */
void chat_stored_write(struct jout *o, const struct chat_head *h, const struct chat_choice *c, size_t n,
		       const struct usage *usage, struct str request_id);
/* The first chunk of a choice: role, and content "" or (the first event begins a call) null. */
void chat_chunk_begin(struct jout *o, const struct chat_head *h, const struct chat_choice *c, bool call);
/* The chunk for an event that was just added to `c`. *delta gets the bytes of its text, for the padding. */
void chat_chunk_event(struct jout *o, const struct chat_head *h, const struct chat_choice *c,
		      const struct model_event *ev, int64_t *delta);
/* With all annotations: SDKs that put lists of several deltas together want indexes in them, which these have not. */
void chat_chunk_finish(struct jout *o, const struct chat_head *h, const struct chat_choice *c);
/* With no choices: what judged it said. */
void chat_chunk_moderation(struct jout *o, const struct chat_head *h);
/* The last one, with no choices: only with stream_options.include_usage. */
void chat_chunk_usage(struct jout *o, const struct chat_head *h, const struct usage *usage);
