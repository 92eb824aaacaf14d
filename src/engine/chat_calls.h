/* chat_calls.h - calls of the history as engines can take them.
 *
 * An item keeps the bytes that a model once wrote. Engines read a call's arguments as JSON and fail the whole
 * request where they are none (llama.cpp 500, vLLM 400), so that one bad call would end its conversation. Pure. */
#pragma once
#include "base/arena.h"

/* `arguments` as a JSON object: as they came where they are one; the object inside a string that holds one; nothing
 * and null as {}; else {"arguments": the text}. The same bytes for the same text. */
struct str call_object(struct arena *a, struct str arguments);
