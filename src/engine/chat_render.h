/* chat_render.h - a prompt as the body of a chat completion.
 *
 * Byte-stable: the same prompt and options make the same bytes, so that the engine's prefix cache hits. Pure. */
#pragma once
#include "engine/chat.h"

/* Appends the body of POST /v1/chat/completions, always with "stream": true. What chat_accepts() refuses
 * must not come here; the failure left is a body over out->max (ERR_TOO_LARGE). The prompt is tidied
 * first (prompt_tidy() is idempotent); *p itself is not changed. */
bool chat_render(struct arena *a, const struct prompt *p, const struct chat_options *o, struct buf *out, struct err *e);
