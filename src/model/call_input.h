/* call_input.h - a string of a call's arguments: what a custom tool is given, told before the arguments are whole. Pure. */
#pragma once
#include "model/call.h"

/* The string that is the arguments' first member, as far as it has come: reads on from *at (0 at first), appends what can be told. */
void call_text_more(struct str arguments, struct str member, size_t *at, struct buf *out);
/* What is still to be told of `input` when `told` was: what does not continue it is told whole. */
struct str call_untold(struct str told, struct str input);
/* A custom tool's input out of whole arguments, against its regular expression where it has one. ERR_ENGINE. */
bool call_input(struct arena *a, const struct function_tool *t, struct str arguments, struct str *ret, struct err *e);
