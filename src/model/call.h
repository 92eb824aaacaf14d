/* call.h - tools as functions, and calls of functions as items.
 *
 * An engine knows functions only. So each tool becomes one (calls.def), under a name that no other tool of the
 * request has; its calls come back as items of their own type, and the items of the history go to the engine as
 * calls again. Names are looked up, never taken apart. Pure. */
#pragma once
#include "model/hosted.h"

enum call_kind {
#define CALL(NAME, tool, call, output, function, flags, fn) CALL_##NAME,
#include "model/calls.def"
#undef CALL
	CALL_KINDS
};
enum { CALL_NAMED = 1 /* the tool's own name, and its call has one */ };
/* A tool as an engine sees it. */
struct call_index;
struct function_tool {
	struct str name, description;
	yyjson_val *parameters; /* NULL: none */
	bool strict, strict_said; /* effective: what does not say is strict when it fits, as live; by the client itself */
	enum call_kind kind;
	const struct hosted *hosted; /* we run its calls ourselves; NULL: the client does */
	struct str own, space; /* name and namespace as the client has them; {0}: `name`, none */
	yyjson_val *given;     /* the tool itself; NULL: not from the Responses API */
	yyjson_val *settled;   /* hosted: what was settled of it before anything was made (tools/tools_check.h); NULL */
	struct str path;       /* hosted: its place in the request, with a NUL: "tools[0]" */
	yyjson_val *group;     /* the namespace itself; NULL: none */
	yyjson_val *definition; /* of a server's function: its element of the list (hosted_server.h) */
	struct str server;     /* among tools, the server that it is or belongs to; {0}: neither */
	unsigned callers;      /* who may call it: CALLER_... (program.h) */
	bool bound, deferred;  /* a server whose functions are there; waits for the client's tool search: not offered */
	bool searched;         /* deferred, and the search is ours: its calls name it as their namespace, as live */
	bool searches;         /* our own search of those, as a function: offered where they are too many to be shown */
	bool unfound;          /* nothing of the context has found it yet: its first call tells of the search */
};

/* One call on its way from the engine into an item. */
struct call {
	const struct function_tool *tool;
	struct str call_id, caller; /* caller: the program that made it; {0}: the model */
	bool begun;       /* only begun: what comes in pieces is still empty */
	struct str text;  /* a function's arguments; a custom tool's input */
	yyjson_val *args; /* other kinds: the arguments */
};

struct call_row {
	struct str tool, name; /* name {0}: the tool's own */
	enum item_type call, output;
	unsigned flags;
	/* The members of a call item after its status, by name as recorded. */
	void (*write)(struct jout *, const struct call *);
	/* The arguments that the engine would have made for this item of the history. */
	struct str (*arguments)(struct arena *, yyjson_val *item);
};
extern const struct call_row call_rows[CALL_KINDS];

/* The kind of a tool by its wire type; of a call or output item. CALL_KINDS when it is none of these. */
enum call_kind call_kind_of(struct str tool);
enum call_kind call_kind_of_item(enum item_type type);
/* The type of the items of its calls. */
enum item_type call_item(const struct function_tool *t);
/* What all of its kind are called; {0}: its own name. */
struct str call_function(const struct function_tool *t);
/* Sets f->name from f->own and f->space: what `others` do not have, 64 characters at most. `ix`: of all of them, where they are
 * many (call_index.h); NULL. */
void call_name(struct arena *a, struct function_tool *f, const struct function_tool *others, size_t n, const struct call_index *ix);
/* By the engine's name; NULL. */
const struct function_tool *call_tool(const struct function_tool *tools, size_t n, struct str name);
/* The function's name for a call item of the history, whose tool may be gone. */
struct str call_item_name(struct arena *a, const struct function_tool *tools, size_t n, const struct call_index *ix, const struct item *it);
/* An output item as text for the engine; {0}: its `output` is content (string or parts). */
struct str call_result(struct arena *a, const struct item *it);
/* Are whole arguments such as the kind's items are made of? ERR_ENGINE. */
bool call_fits(const struct function_tool *t, yyjson_val *args, struct err *e);
