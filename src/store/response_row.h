/* response_row.h - what a list shows of a response: a row of the console. */
#pragma once
#include <yyjson.h>

#include "base/arena.h"
#include "store/statement.h"

struct response_row {
	struct str id, status, model, error; /* error: its message, {0}: none */
	int64_t created_at, completed_at, input_tokens, output_tokens, cached_tokens;
	bool background;
	yyjson_val *tools; /* the array of the body; NULL: none */
};
/* Is a tool of that type among them? */
bool response_row_has_tool(const struct response_row *row, struct str type);
/* From cells of key, rnd, status, created_at, body; all it points at is in `a`. */
void response_row_read(const struct cell *cells, struct arena *a, struct response_row *ret);
