/* hosted.h - what requests, prompts and streams know of the tools that we run ourselves.
 *
 * A hosted tool describes itself in its own file (tools/tool.h). This is the part that lower floors, streams and
 * stored items need: they read it here and know no tool by name. The table is handed over once, before the first
 * request (tools_register()); a type that none of its tools serves is refused by name. Pure; constant after
 * hosted_set(). */
#pragma once
#include "model/event.h"
#include "model/item.h"
#include "wire/jout.h"

enum tool_phase { TOOL_BEGUN, TOOL_RUNS, TOOL_ENDED, TOOL_PHASES };

enum { HOSTED_TYPES = 4, HOSTED_ITEMS = 4, HOSTED_MEMBERS = 8 };

/* A member of its items that clients see only when `include` asks: the include value, the object that it stands in
 * ({0}: the item itself), the member, and the JSON that stands there otherwise ({0}: it is left out). */
struct hosted_hidden {
	struct str include, object, member, shown;
};
/* A member of its items as it is while the item has only begun; json {0}: it is not there yet. */
struct hosted_fresh {
	struct str member, json;
};
/* A text of its items that is told in events of its own between TOOL_BEGUN and TOOL_RUNS. */
struct hosted_text {
	struct str member; /* {0}: there is none */
	enum event_type delta, done;
};

struct hosted {
	struct str types[HOSTED_TYPES];           /* of the elements of `tools` that mean it */
	enum item_type item;                      /* of its calls ... */
	enum item_type also[HOSTED_ITEMS];        /* ... and what else it makes or takes */
	struct str function;                      /* its name as a function of the engine, ... */
	struct str description, schema;           /* ... what is said of it, and its parameters as JSON Schema */
	const struct field *params;               /* the arguments, checked before anything else */
	enum event_type events[TOOL_PHASES];      /* the same in live, resumed and rebuilt streams; ENDED: unless it failed */
	struct hosted_text text;
	struct hosted_hidden hidden[HOSTED_MEMBERS];
	struct hosted_fresh fresh[HOSTED_MEMBERS];
	struct str picture;                       /* the member that is a picture (base64): later calls may change it; {0} */
	struct str blank;                         /* members of an item whose call was never understood */
	/* The arguments that the engine would have made for this item, in `a`. {0}: it was cut off before it asked for
	 * anything, and no engine is told of it. */
	struct str (*arguments)(struct arena *a, yyjson_val *item);
	/* What the engine is told that came of an item which a client sends back without what we keep in it, in `a`.
	 * {0}: a sentence that nothing is at hand. May be NULL. */
	struct str (*found)(struct arena *a, yyjson_val *item);
	/* How many searches of the web this item was, for tool_usage. May be NULL: none. */
	int64_t (*searches)(yyjson_val *item);
	/* The element of `tools` as the response repeats it. May be NULL: as it came. */
	void (*echo)(struct jout *o, yyjson_val *tool);
};

/* Asserts that each row is whole: an item, types, a function with parameters, events, how it is told. */
void hosted_set(const struct hosted *const *table, size_t n);
/* By a type of `tools`; NULL: no tool of ours. */
const struct hosted *hosted_of_type(struct str type);
/* By the type of an item that is its own; NULL. */
const struct hosted *hosted_of_item(enum item_type type);
/* The row at `i`; NULL: there are no more. */
const struct hosted *hosted_at(size_t i);
/* What the engine is told that came of an item: what was kept for it, else what can be read from it. In `a`. */
struct str hosted_told(struct arena *a, const struct item *it);
