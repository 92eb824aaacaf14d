/* hosted_server.h - what is known of a hosted tool each of whose elements stands for a server with functions of its
 * own.
 *
 * Which functions there are says a list, an item that is in the context or that the turn makes. Some calls are only
 * made once the user has approved them: then an item asks, the turn ends, and an item of a later request answers. Pure.
 */
#pragma once
#include "model/request.h"

/* One function, as a list has it. Lives as long as the list. */
struct hosted_function {
	struct str name, description;
	yyjson_val *parameters, *definition; /* definition: its element of the list */
};
/* A call as its item has to show it before anything came of it. */
struct hosted_made {
	struct str label, name, arguments, approval; /* arguments "": not told yet; approval {0}: none was asked for */
	struct str why;                              /* {0}, or why nothing will come of it */
};

struct hosted_server {
	enum item_type list, ask, answer;
	struct str label; /* the member that names the server, in elements and in items */
	/* The functions that this list offers for the element, in `a`. false: it is of another server, or lacks what
	 * the element names: the server has to be asked. */
	bool (*offers)(struct arena *a, yyjson_val *element, const struct item *list, struct hosted_function **ret,
		       size_t *n);
	bool (*asks)(yyjson_val *element, yyjson_val *definition);
	void (*made)(struct jout *o, const struct hosted_made *m);
	/* What a call is bound to beside its project, server, name and arguments: the definition (SHA-256). */
	void (*defined)(yyjson_val *definition, uint8_t ret[32]);
	/* The server's address, as one that an approval is bound to. In `a`. */
	struct str (*address)(struct arena *a, yyjson_val *element);
};

/* Does this function stand for a server, rather than for a function of one? */
static inline bool tool_is_server(const struct function_tool *f)
{
	return f->hosted && f->hosted->server && !f->definition;
}
