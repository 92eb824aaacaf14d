/* chat_tools.h - `tools` and `tool_choice` of a chat completion. Inside chat/ alone. */
#pragma once
#include "chat/chat_reader.h"

/* Shapes, then meaning. */
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
/* Appends to `list` (NULL: empty) the grammars of custom tools that the model is shown and not held to. */
const char *chat_tools_advice(struct arena *a, const struct prompt *p, const struct engine_model *m, const char *list);
