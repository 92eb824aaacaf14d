/* chat_reader.h - what the files that read a chat completions request share. */
#pragma once
#include "chat/chat_request.h"
#include "wire/fields.h"

struct chat_reader {
	struct arena *a;
	yyjson_val *body;
	const struct chat_rules *rules;
	struct chat_create *c;
	struct str waits; /* the id of a function_call that has no answer yet; {0}: none waits */
};
