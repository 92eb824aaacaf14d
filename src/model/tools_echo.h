/* tools_echo.h - the tools of a request as its response repeats them. Pure. */
#pragma once
#include "model/request.h"

/* c->echo.tools, in `a`; again once tools are settled (tools/tools_check.h). */
void create_echo_tools(struct arena *a, struct create *c);
/* The `tools` of our own search that has found these, each below its namespace or server. */
void create_found(struct jout *o, struct arena *a, const struct create *c, const struct function_tool *const *found, size_t n);
