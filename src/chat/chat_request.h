/* chat_request.h - POST /v1/chat/completions: the body, checked and turned into a prompt.
 *
 * Members and their order of checks are the live API's, with its texts (OpenAPI schema
 * CreateChatCompletionRequest). What would change the answer's meaning and is not served is a 400 that names it; what
 * only advises is listed in not_applied. Further keys pass by the engine's list alone (engines[].pass). Pure. */
#pragma once
#include "engine/engine.h"

struct chat_rules {
	const char *const *pass; /* the engine's `pass` list, NULL-terminated; NULL: none */
	const char *engine_name; /* for the text that names the setting */
	int64_t max_choices;     /* the limit on n (limits.def: choices) */
};

struct chat_create {
	yyjson_val *body;        /* as it came */
	struct str model;
	struct prompt prompt;
	int64_t n;
	bool stream;
	bool store;              /* keep the completion */
	bool include_usage;      /* stream_options.include_usage */
	bool obfuscate;          /* unless stream_options.include_obfuscation is false */
	struct str metadata;     /* JSON, {0} when not given; echoed */
	bool speaks;             /* modalities ask for sound: an engine answers as it is (chat_voice.h) */
	yyjson_val *search;      /* web_search_options; NULL: not asked for. It is made as a response (chat_web.h) */
	yyjson_val *moderation;  /* NULL: not asked for */
	bool functions;          /* asked with `functions`: its call is a function_call */
	const char *not_applied; /* "verbosity, user": for the header antiphon-not-applied; NULL: none */
};

/* `body` must outlive *ret; everything else that *ret points to lives in `a`. */
bool chat_read(struct arena *a, yyjson_val *body, const struct chat_rules *rules, struct chat_create *ret,
	       struct err *e);
/* Is it a member of such a body? */
bool chat_takes(struct str name);
