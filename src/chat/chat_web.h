/* chat_web.h - chat completions that search the web (web_search_options): made as a response with the tool web_search.
 *
 * The request is said again as one of POST /v1/responses (chat_web_ask.c), which this server asks of itself, streamed; what
 * comes of it is told as an engine's events would be, so that the rest of a completion does not know. The search is not
 * left to the model: as live, it comes first, unless tool_choice demands a call or the last message answers one. Loop thread. */
#pragma once
#include "chat/chat_write.h"
#include "door/own.h"
#include "wire/sse.h"

struct chat_web { /* embed it; {0}: idle. The callbacks follow loop.h; neither comes after chat_web_cancel() */
	void (*on_event)(struct chat_web *, const struct model_event *);
	void (*on_end)(struct chat_web *, const struct err *e); /* e->code ERR_NONE: the members below are set */
	struct chat_choice *choice; /* what is said; its annotations are added here */
	const struct prompt *prompt;
	enum finish finish;
	struct usage usage;
	struct str model; /* that answers; in `a` */
	struct arena *a;
	struct inner inner;
	struct sse sse;
	int calls;      /* begun */
	int64_t call_at; /* output_index of the last of them */
	size_t said;    /* characters before the part that is said now */
	bool ended;     /* its last event came */
	struct err error;
};

/* `req` outlives it; `ask`: all but route, path and body. */
void chat_web_start(struct chat_web *w, struct api_loop *al, struct arena *a, const struct chat_create *req, const char *const *pass,
		    const struct own_ask *ask);
void chat_web_hold(struct chat_web *w, bool hold);
void chat_web_cancel(struct chat_web *w);
