/* program.h - programs that a model writes, and the calls of tools that they make (programmatic tool calling).
 *
 * A program is a call of the hosted tool whose element of `tools` is programmatic_tool_calling; its result is an item of
 * its own. Calls that it makes stand between the two, and say so: those of a client in their member `caller`, those
 * that we run in what we keep of them (ITEM_OURS). No engine is told of them. Pure. */
#pragma once
#include "model/hosted_server.h"

enum { CALLER_MODEL = 1, CALLER_PROGRAM = 2 }; /* function_tool.callers */

/* May a program call it? */
bool tool_for_programs(const struct function_tool *f);
/* What programs alone may call is of no use without programs. ERR_INVALID_VALUE. */
bool programs_offered(const struct create *c, struct err *e);
/* Outputs belong to the program that made their call, whether they say so or not. Over the whole context, history first. */
void programs_mark(struct item *history, size_t n_history, struct item *input, size_t n_input);
/* Does this item say what came of the program of that call_id? */
bool program_ended_by(const struct item *it, struct str call_id);
/* An output of a function that a program called: a tool which says what its output is has to give JSON. */
bool program_output_fits(const struct create *c, const struct item *call, const struct item *output, struct err *e);
