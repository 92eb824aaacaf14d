/* item.h - the items of the API: what a conversation is made of.
 *
 * items.def has one row an item type: wire name, id prefix, field table, where it may stand (input,
 * output). An item stays the JSON it came as, so that nothing is lost; `struct item` is a view. Pure. */
#pragma once
#include "wire/fields.h"

enum item_type {
	ITEM_NONE,
#define ITEM(NAME, wire, prefix, fields, flags) ITEM_##NAME,
#include "model/items.def"
#undef ITEM
	ITEM_COUNT
};

struct item {
	enum item_type type;
	struct str id;      /* as the client sent it; {0} when none */
	struct str role;    /* messages */
	struct str call_id; /* calls and their outputs */
	struct str name;    /* calls */
	struct str caller;  /* calls that a program made, and outputs of such (program.h): its call_id; {0}: of none */
	yyjson_val *val;    /* the item itself; a plain-string input becomes a user message */
	yyjson_val *ours;   /* what of ITEM_OURS goes with it; NULL: nothing, as of all that clients send */
};

struct item_row {
	const char *wire, *prefix;
	const struct field *fields;
	unsigned flags;
};
enum {
	ITEM_IN = 1,
	ITEM_OUT = 2,
	ITEM_CALL = 4,
	ITEM_CALL_OUTPUT = 8,
	ITEM_LATER = 16, /* refused by name for now */
	ITEM_HOSTED = 64, /* refused by name unless a tool of ours has it (hosted.h) */
	ITEM_STATUS = 32  /* listed with a status, "completed" when none was given */
};
extern const struct item_row item_rows[ITEM_COUNT];

/* The member which only we read: of calls that we ran {"told": what the engine was told, "sources": [[number, url,
 * title], ...], "images": [data URLs that an engine which sees is shown], "more": true where further calls of the same answer
 * follow}; of all that a model made what origin.h says, and of sealed thoughts "calls": {call_id: the same}, "items": [others,
 * whole]; of what we ran for a program its "caller" and what was "asked" (program.h). Clients can neither send nor see it. */
#define ITEM_OURS_NAME "antiphon"
#define ITEM_OURS S(ITEM_OURS_NAME)

/* The type of an item by its wire name; a message may leave it out. ITEM_NONE: no type of the API. */
enum item_type item_type_of(yyjson_val *v);
/* Checks one input item at `path` ("input[2]") and fills the view. Every type of the API is known;
 * those with ITEM_LATER, those of hosted tools that are not there, and part types we cannot serve yet, are 400s
 * that name them. */
bool item_read(struct arena *a, yyjson_val *v, const char *path, struct item *ret, struct err *e);
/* The same without the refusal of ITEM_LATER types: for what is kept, not served. */
bool item_read_any(struct arena *a, yyjson_val *v, const char *path, struct item *ret, struct err *e);
/* The item as the API lists it: `id` set (ours, or the client's own), `type` present, string content as
 * parts, `status` where listed items have one; key order as recorded. Tolerated extra keys stay. */
struct str item_listed(struct arena *a, const struct item *it, struct str id);
/* View of an item that was stored by us: no checks. false when it is not JSON. */
bool item_view(struct arena *a, struct str json, struct item *ret);
