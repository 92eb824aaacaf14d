/* hosted.h - what requests, prompts and streams know of the tools that we run ourselves.
 *
 * A hosted tool describes itself in its own file (tools/tool.h). This is the part that lower floors, streams and
 * stored items need: they read it here and know no tool by name. The table is handed over once, before the first
 * request (tools_register()); a type that none of its tools serves is refused by name. Pure; constant after
 * hosted_set(). */
#pragma once
#include "model/hosted_parts.h"

enum tool_phase { TOOL_BEGUN, TOOL_RUNS, TOOL_ENDED, TOOL_PHASES };

struct hosted_server; /* hosted_server.h */

struct hosted {
	struct str types[HOSTED_TYPES];           /* of the elements of `tools` that mean it */
	/* Is this element of `tools`, or this item of a call, ours? Else it is the client's to run. May be NULL: all are. Then
	 * the types of its items are the client's too, and hosted_of_item() does not know them: engines are told of both alike. */
	bool (*claims)(yyjson_val *v);
	enum item_type item;                      /* of its calls ... */
	struct hosted_result result;              /* ... and what came of them, where that is an item of its own */
	enum item_type ends_in;                   /* the item that ends a call which goes on over requests (a program); ITEM_NONE: none does */
	struct hosted_extra also[HOSTED_ITEMS];   /* ... and what else it makes or takes */
	struct str function;                      /* its name as a function of the engine, ... */
	struct str description, schema;           /* ... what is said of it, and its parameters as JSON Schema */
	const struct field *params;               /* the arguments, checked before anything else */
	enum event_type events[TOOL_PHASES];      /* the same in live, resumed and rebuilt streams: hosted_event() */
	enum event_type failed;                   /* told instead of ENDED when it failed; 0: nothing is */
	struct hosted_text text;
	struct hosted_hidden hidden[HOSTED_MEMBERS];
	struct hosted_fresh fresh[HOSTED_MEMBERS];
	struct str blank;                         /* members of an item whose call was never understood; {0}: as begun */
	struct str place;                         /* the member that says where it runs, known before (tool_fields.h, settles()); {0}: none */
	struct str place_in;                      /* the object that has that member; {0}: the item */
	struct hosted_pictures pictures;          /* shown to engines that see */
	struct str picture;                       /* the member that is a picture (base64): later calls may change it; {0} */
	/* The arguments that the engine would have made for this item, in `a`. {0}: it was cut off before it asked for
	 * anything, and no engine is told of it. */
	struct str (*arguments)(struct arena *a, yyjson_val *item);
	/* What the engine is told that came of an item which a client sends back without what we keep in it, in `a`.
	 * {0}: a sentence that nothing is at hand. May be NULL. */
	struct str (*found)(struct arena *a, yyjson_val *item);
	/* How many searches of the web this item was, for tool_usage. May be NULL: none. */
	int64_t (*searches)(yyjson_val *item);
	/* The element of `tools` as the response repeats it; settled NULL: not yet. May be NULL: as it came. */
	void (*echo)(struct jout *o, yyjson_val *tool, yyjson_val *settled);
	/* Each element of `tools` stands for a server, whose functions are found while the turn runs. NULL: it is a function. */
	const struct hosted_server *server;
};

/* What that phase of a call is told by; 0: nothing. `ran`: it was not refused before it could run; live streams and those that are told
 * again ask here. */
enum event_type hosted_event(const struct hosted *h, enum tool_phase phase, bool ran, bool failed);
/* Did the call of a stored item run? Not one that failed with nothing but what a call has that was never understood. */
bool hosted_ran(const struct hosted *h, struct arena *a, yyjson_val *item);
/* Asserts that each row is whole: an item, types, a function with parameters, events, how it is told. */
void hosted_set(const struct hosted *const *table, size_t n);
/* What is told of an item beside the calls of a tool; NULL: it is none. */
const struct hosted_extra *hosted_extra(const struct hosted *h, enum item_type type);
/* By a type of `tools`; NULL: no tool of ours. */
const struct hosted *hosted_of_type(struct str type);
/* By an element of `tools`; NULL: no tool of ours, or the client's to run. */
const struct hosted *hosted_of_tool(yyjson_val *tool);
/* By the type of an item that is its own; NULL. */
const struct hosted *hosted_of_item(enum item_type type);
/* By an item of an output: such may be of a tool that shares its types with the client. NULL. */
const struct hosted *hosted_of_output(enum item_type type, yyjson_val *item);
/* Where an item of a call ran; {0}: it does not say. */
struct str hosted_place(const struct hosted *h, yyjson_val *item);
/* The row at `i`; NULL: there are no more. */
const struct hosted *hosted_at(size_t i);
/* What the engine is told that came of an item: what was kept for it, else what can be read from it. In `a`. */
struct str hosted_told(struct arena *a, const struct item *it);
