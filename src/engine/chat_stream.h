/* chat_stream.h - the bytes of a chat completion as model events. Pure: one thread at a time. */
#pragma once
#include "engine/chat.h"

/* Reads one answer: an event stream, or a completion or an error as one JSON object. emit() is called inside feed and end; its strings live during the call. The
 * arena keeps call names and ids; everything else is bounded and released with the arena. `p` and `o` must
 * live as long as the stream. */
struct chat_stream;
struct chat_stream *chat_stream_new(struct arena *a, const struct prompt *p, const struct chat_options *o,
				    void (*emit)(void *ctx, const struct model_event *), void *ctx);
/* Bytes of the body of a 200, cut anywhere. ERR_ENGINE on what is no chat stream or over a
 * bound; what chat_error() says on an error in mid-stream. After a failure feed no more. */
bool chat_stream_feed(struct chat_stream *s, struct str bytes, struct err *e);
/* The member that thoughts came in: THOUGHTS_CONTENT, THOUGHTS_REASONING; THOUGHTS_SAME: none came. */
int chat_stream_thoughts(const struct chat_stream *s);
/* For tests, before the first byte: no chunk is read by what it shares with the last one (chat_same.h). */
void chat_stream_parse_all(struct chat_stream *s);
/* At the end of the body. ERR_ENGINE when it was cut (neither finish_reason nor [DONE]), or has no call although
 * tool_choice demands one. *finish and *usage
 * are written on success; they are the truth only after it. */
bool chat_stream_end(struct chat_stream *s, enum finish *finish, struct usage *usage, struct err *e);
/* After it: a call was demanded, none came, and *usage is what the answer cost. Never in a forced form, where asking again
 * would change nothing. */
bool chat_stream_uncalled(const struct chat_stream *s);
