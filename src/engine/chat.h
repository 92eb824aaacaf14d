/* chat.h - the Chat Completions dialect: a prompt out as a request body, the answer's bytes in as events.
 *
 * Rendering is byte-stable: the same prompt and options make the same bytes, so that the engine's prefix cache hits. A model whose
 * template knows no tools is made to call them by a JSON schema (forced.h); who reads the events does not
 * notice. Pure: no sockets, no clock, one thread at a time. */
#pragma once
#include "engine/dialect.h"
#include "engine/engine.h"
#include "engine/grammar.h"

struct engine_caps { /* what the engine and the model's template can */
	bool tools, parallel, schema, vision, audio, system_role, thinking_switch, fetches_urls, schema_prompt;
	enum grammar_dialect grammar;
	bool alternates; /* the template raises when two user messages have only tool messages between them */
};
struct chat_options {
	const struct engine_caps *caps;
	struct str engine;  /* its name: whose marks and ids go back (model/origin.h) */
	struct str model;   /* name to send */
	struct str system;  /* shim: leads when the prompt has no system message; {0} none */
	double temperature; /* used when the request has none; < 0 none */
	int64_t max_tokens; /* used when the request has none; 0 none */
	int64_t slot;       /* -1 none */
	const struct traits *traits; /* NULL: those of the generic dialect */
	bool usage;         /* ask for usage in the stream */
	const struct think_tags *think; /* NULL: none */
	bool small;         /* a tiny model: after a tool result it answers, unless a call is demanded (forced.h) */
};

/* Appends the body of POST /v1/chat/completions, always with "stream": true. What chat_accepts() refuses
 * must not come here; the failure left is a body over out->max (ERR_TOO_LARGE). The prompt is tidied
 * first (prompt_tidy() is idempotent); *p itself is not changed. */
bool chat_render(struct arena *a, const struct prompt *p, const struct chat_options *o, struct buf *out, struct err *e);

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

/* May an answer of that content type be one of Chat Completions? What it is its first byte will tell. */
bool chat_may_answer(struct str type);
/* An engine's error answer as ours; always fills *e. The engine's own text is passed on only where it says
 * something of the request that the client can use, never with paths, keys or parser internals. */
void chat_error(int status, struct str body, const struct engine_model *m, struct err *e);
/* What cannot be asked of this model: behind engine_accepts(). */
bool chat_accepts(const struct engine_caps *caps, const struct engine_model *m, const struct prompt *p, struct err *e);
