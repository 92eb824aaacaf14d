/* chat.h - the Chat Completions dialect: a prompt out as a request body, the answer's bytes in as events.
 *
 * What of an engine and a request both need to know: chat_render.h renders, chat_stream.h reads, chat_error.h reads what went
 * wrong. A model whose template knows no tools is made to call them by a JSON schema (forced.h); who reads the events does
 * not notice. Pure: no sockets, no clock, one thread at a time. */
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
