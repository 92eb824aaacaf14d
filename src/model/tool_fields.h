/* tool_fields.h - the tools of the API: tools.def has one row a type with its field table.
 *
 * Inside model/ alone. Pure. */
#pragma once
#include "model/parts.h"

enum tool_type {
	TOOL_NONE,
#define TOOL(NAME, wire, fields, flags) TOOL_##NAME,
#include "model/tools.def"
#undef TOOL
	TOOL_COUNT
};

enum {
	TOOL_HOSTED = 1, /* ours to run; checked for shape, then refused by name where no tool serves it (hosted.h) */
	TOOL_CHOSEN = 2, /* tool_choice may name it by {"type": ...} alone */
	TOOL_TOLERANT = 4, /* takes the WEB_SEARCH keys of tolerated.def */
};

struct tool_row {
	const char *wire;
	unsigned flags;
};
extern const struct tool_row tool_rows[TOOL_COUNT];

/* The type of a tool whose shape was checked. */
enum tool_type tool_type_of(yyjson_val *tool);
/* One element of a `tools` array: its shape. */
extern const struct field tool_field;
