/* request_rules.h - which body create_read() reads, and what may stand in it. Included by request.h. */
#pragma once
#include <stdbool.h>

/* The other bodies have some of the members of POST /v1/responses, by the same rows. */
enum request_kind {
	REQUEST_CREATE,
	REQUEST_COUNT,    /* /input_tokens */
	REQUEST_COMPACT,  /* /compact */
	REQUEST_TEMPLATE, /* what a prompt template may have (template.h), with its name and metadata */
	REQUEST_TEMPLATE_VERSION,
};

enum rules_prompt {
	RULES_PROMPT_NONE,   /* as a client sends it */
	RULES_PROMPT_OPEN,   /* its template is still to be looked up: shapes alone are checked */
	RULES_PROMPT_FILLED, /* template_fill() made it */
};

struct request_rules {
	enum request_kind kind;
	const char *const *pass; /* engine's `pass` list, NULL-terminated */
	const char *engine_name; /* for the text that names the setting */
	enum rules_prompt prompt;
	bool socket;             /* of a WebSocket's response.create: its own keys stand beside, it always streams */
};
