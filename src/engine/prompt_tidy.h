/* prompt_tidy.h - a prompt in the form that templates of models take, and questions about it. Pure. */
#pragma once
#include "engine/prompt.h"

/* One leading system message, adjacent messages of one role merged, each tool result right behind the message that
 * called. So what an engine said up to the results of its calls is one message, text and calls together, in
 * whatever order they came; white space alone is no text beside calls. Reasoning of earlier turns goes. Idempotent. */
void prompt_tidy(struct arena *a, struct prompt *p);
/* The tool that has to be called and no other; NULL: the model chooses. */
const struct function_tool *prompt_forced(const struct prompt *p);
/* One past the last user message, 0: none. */
size_t prompt_last_user(const struct prompt *p);
