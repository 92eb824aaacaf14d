/* chat_choice.h - a choice of a chat completion, as it gathers: one engine call's events.
 *
 * It is what the final object is made of, and what knows the ids of the calls that a stream names. Pure, but for the
 * random call ids. */
#pragma once
#include "base/id.h"
#include "chat/chat_request.h"
#include "engine/engine.h"

struct chat_call {
	char id[ID_MAX]; /* ours, for engines repeat theirs; the engine's where its model reads it again */
	const struct function_tool *tool; /* a custom tool; NULL: a function */
	struct str name;       /* as the client has it */
	struct buf arguments;  /* a custom tool's: its input, as far as it can be told */
	struct buf raw;        /* a custom tool's: the arguments as they come */
	size_t read;           /* of raw (call_text_more()) */
	struct buf marks; /* in pieces (engine/marks.h) */
};

struct chat_choice {
	int64_t index;
	const struct prompt *prompt; /* its tools */
	struct arena *a; /* calls and their names */
	struct buf text, refusal, reasoning, logprobs;
	struct buf marks; /* of the message, in pieces */
	struct buf notes; /* its annotations: JSON, joined by commas */
	struct chat_call *calls;
	size_t n_calls, cap;
	size_t max;         /* bytes of each of the texts */
	struct str told;    /* what the event added last says, as clients read it; p NULL: nothing yet */
	enum finish finish; /* set at the end by the owner */
	bool begun;         /* an event was added */
	bool named;         /* tool_choice names the function: the live API calls its end "stop" */
};

/* `max` bounds each text. `prompt` must outlive the choice. */
void chat_choice_init(struct chat_choice *c, struct arena *a, const struct prompt *prompt, int64_t index, size_t max);
void chat_choice_release(struct chat_choice *c);
/* ERR_ENGINE when a text grows over max, or for arguments of a call that never began. */
bool chat_choice_add(struct chat_choice *c, const struct model_event *ev, struct err *e);
/* Call `at` is whole: c->told is what is still to be told of a custom tool's input. ERR_ENGINE: it is not of its grammar. */
bool chat_choice_close_call(struct chat_choice *c, size_t at, struct err *e);
/* "stop", "length", "tool_calls", "function_call", "content_filter" (of a choice that has ended). */
struct str chat_finish_name(const struct chat_choice *c, const struct chat_create *req);
/* Several choices of one prompt: the prompt counts once, as live. */
void chat_usage_add(struct usage *sum, const struct usage *one);
