/* forced.h - tool calls from a model whose template knows none.
 *
 * The functions are described in the system message and a JSON schema leaves the model three ways out: a call
 * {"name", "arguments"}, several {"calls": [...]}, or {"name": "none", "answer": ...} where no call is demanded.
 * forced_feed() turns that JSON back into events: an answer's text as it comes, each call when it is complete,
 * so that output that was cut never shows half a call. Pure.
 *
 * Tiny models repeat a call whose result they have just been given, or try the next function, for ever. So with
 * chat_options.small a tool result is followed by an answer in plain text, unless a call is demanded. */
#pragma once
#include "engine/chat.h"
#include "wire/json.h"

/* What is offered in one call. */
struct forced_set {
	const struct prompt *p;
	const struct function_tool **tools;
	size_t n;      /* 0: tools are not forced */
	bool demanded; /* no answer without a call */
	bool several;  /* calls in parallel */
	struct str none;
};
/* Are tools asked for that the template does not know? */
bool forced_needed(const struct engine_caps *caps, const struct prompt *p);
/* Lives in `a`, points into *p. */
struct forced_set forced_choose(struct arena *a, const struct chat_options *o, const struct prompt *p);
/* Appends what the system message says of functions and answers. */
void forced_describe(struct buf *out, const struct forced_set *set);
/* Writes the schema that the output must fit. */
void forced_schema(struct arena *a, struct jout *o, const struct forced_set *set);
/* A call of the history, as the model would have written it; its arguments are JSON (call_object()). */
void forced_call(struct jout *o, const struct prompt_call *c);

enum forced_step {
	FORCED_START, /* nothing yet */
	FORCED_PLAIN, /* no JSON at all: text */
	FORCED_OPEN,  /* before the string of an answer */
	FORCED_TEXT,  /* inside it */
	FORCED_VALUE, /* an answer that is JSON itself */
	FORCED_LIST,  /* between calls */
	FORCED_CALL,  /* inside one, or inside an object that does not yet say what it is */
	FORCED_END,   /* what follows does not matter */
};

struct forced {
	struct forced_set set;
	void (*emit)(void *ctx, const struct model_event *);
	void *ctx;
	struct arena *a;
	struct buf held; /* output that is not yet an event; at most 1 MiB */
	enum forced_step step;
	int depth; /* brackets open in the value that is read */
	bool in_string, escaped, list;
	char escape[12]; /* an unfinished escape of FORCED_TEXT */
	int n_escape;
	int calls; /* emitted */
};
void forced_init(struct forced *f, struct arena *a, const struct forced_set *set,
		 void (*emit)(void *ctx, const struct model_event *), void *ctx);
void forced_release(struct forced *f);
/* The next piece of the model's output. */
bool forced_feed(struct forced *f, struct str text, struct err *e);
/* The output is over; `cut`: by a limit, so that it may be incomplete. ERR_ENGINE when a call was demanded and
 * none came. */
bool forced_end(struct forced *f, bool cut, struct err *e);
