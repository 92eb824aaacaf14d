/* account.h - what a response or a chat completion says of itself at its end: to metrics and traces. Loop thread. */
#pragma once
#include "base/id.h"
#include "measure/phases.h"
#include "model/response.h"
#include "trace/trace.h"

struct prompt;
struct request;

/* Who asked for it. */
struct asker {
	struct id key;         /* of the API key; key 0: none, or one of the configuration */
	struct str request_id; /* {0}: nobody's own request (a run in the background, a WebSocket) */
	struct trace trace;    /* trace.span 0: none */
};
struct asker asker_of(const struct request *rq, struct arena *a);
/* A run in the background, a WebSocket's response: it begins a trace. */
struct asker asker_none(struct arena *a);

struct account {
	struct asker asker;
	struct str kind, status; /* response, background, chat, ...; completed, failed, refused, ... */
	struct str model;        /* {0}: none that an engine has, so that clients' names are not counted apart */
	struct usage usage;
	const struct phases *phases;
	/* For traces; {0}: nothing to say. */
	struct str id, engine, conversation, why, why_code;
	const struct prompt *prompt; /* what the engine was asked */
	struct str said;             /* and its text */
};
/* Once, when nothing is left to do. */
void account_close(const struct account *a);
