/* request_tools.h - the tools of a request as functions: those given, those that items of the input bring, and those of
 * servers. Pure. */
#pragma once
#include "model/request.h"

struct reader; /* request_parts.h */
/* `tools`. */
bool tools_take(struct reader *r, struct err *e);
/* Tools that items of the history bring (tool_search_output, additional_tools) join c->tools. */
void create_load_tools(struct arena *a, struct create *c, const struct item *items, size_t n);
/* The functions that the engine is offered, in `a`: allowed, and not waiting for a search. Of more than `most` that wait: our search. */
struct function_tool *create_offer(struct arena *a, const struct create *c, size_t most, size_t *n);
/* Is it one that our own search may find? */
bool create_unfound(const struct create *c, const struct function_tool *f);
/* Our own search is asked for and finds nothing to do: no more than `most` tools wait for it, and no server may have more. */
bool create_search_idle(const struct create *c, size_t most);
/* The element of the request for the server that an item names; NULL. */
struct function_tool *create_server(const struct create *c, const struct item *it);
/* The functions of a list join c->tools, unless its server has its list already. false: they did not. */
bool create_bind(struct arena *a, struct create *c, const struct item *list);
/* The function of that name of the server; NULL. */
const struct function_tool *create_function(const struct create *c, const struct function_tool *server,
					    struct str name);
