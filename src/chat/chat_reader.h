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

/* chat_messages.c: one element's shape, then what they mean together. */
extern const struct field chat_message_item;
bool chat_take_messages(struct chat_reader *r, struct err *e);

/* chat_tools.c: shapes, then meaning. */
extern const struct field chat_tool_item;
/* {"type": T, T: ...}: the member is there. */
field_check chat_typed_check;
field_check chat_choice_check;
/* The same from before there were tools: `functions`, `function_call`. */
extern const struct field chat_function_item;
field_check chat_function_choice_check;
bool chat_take_tools(struct chat_reader *r, struct err *e);
/* The engine's name for a tool of the request, whose calls the history holds; one that is gone keeps its own. */
struct str chat_call_name(const struct prompt *p, enum call_kind kind, struct str name);
