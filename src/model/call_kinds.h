/* call_kinds.h - what each kind of tool is as a function, and its calls as items (calls.def). Pure. */
#pragma once
#include "model/call.h"

/* The member `environment` of a shell that runs in a container of ours. */
void call_environment(struct jout *o, struct str container);
/* The member `caller` of what a program called, or of what came of it; {0}: none. */
void call_caller(struct jout *o, struct str program);
/* Fills *f with the function for a tool of any kind but `function`, whose name and fields were checked. What a hosted
 * one is described as, and its parameters, tools_describe() (tools/tools.h) fills in. */
void call_describe(struct arena *a, enum call_kind kind, yyjson_val *tool, struct function_tool *f);
