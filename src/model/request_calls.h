/* request_calls.h - do the calls of a context and their outputs belong together? Pure. */
#pragma once
#include "model/request.h"

/* The checks that need the whole context, history first then input (c->items, references replaced by what they
 * name): every function_call_output has its call, every call its output, no duplicate ids in the input as it
 * came. */
bool create_check_calls(const struct item *history, size_t n_history, const struct create *c, const struct item *input,
                        struct err *e);
