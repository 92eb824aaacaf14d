/* call_names.h - which offered tool a model means by a name, and may it be called. Pure. */
#pragma once
#include "engine/prompt.h"

/* The offered tool that a model means by `name`, for it may write "functions.get_weather", "get_weather:0",
 * "get_weather<|channel|>commentary" or "get_weather\n"; NULL: none. */
const struct function_tool *call_offered(const struct function_tool *tools, size_t n, struct str name);
/* A name that clients may send back: letters, digits, _ and -, no more than NAME_CHARS. Lives in `a`. */
struct str call_clean(struct arena *a, struct str name);
/* May this call leave, `shown` having left before it? */
bool call_allowed(const struct prompt *p, struct str name, int shown);
