/* response_row.c - what a list shows of a response. */
#include "store/response_row.h"

#include <string.h>

#include "base/id.h"
#include "wire/json.h"

static void row_read_body(struct response_row *row, yyjson_val *v)
{
	yyjson_val *usage = json_get(v, S("usage"));
	row->model = json_str(json_get(v, S("model")));
	row->error = json_str(json_get(json_get(v, S("error")), S("message")));
	row->completed_at = yyjson_get_sint(json_get(v, S("completed_at")));
	row->tools = json_get(v, S("tools"));
	row->background = yyjson_get_bool(json_get(v, S("background")));
	row->input_tokens = yyjson_get_sint(json_get(usage, S("input_tokens")));
	row->output_tokens = yyjson_get_sint(json_get(usage, S("output_tokens")));
	row->cached_tokens = yyjson_get_sint(json_get(json_get(usage, S("input_tokens_details")), S("cached_tokens")));
}

void response_row_read(const struct cell *cells, struct arena *a, struct response_row *ret)
{
	struct id id = {.key = cells[0].i};
	struct err ignored = {0};
	yyjson_val *v;
	*ret = (struct response_row){.status = str_copy(a, cells[2].s), .created_at = cells[3].i};
	if (cells[1].s.n == sizeof id.rnd)
		memcpy(id.rnd, cells[1].s.p, sizeof id.rnd);
	ret->id = id_text(arena_bytes(a, ID_MAX), "resp", &id);
	if (json_parse(a, str_copy(a, cells[4].s), &v, &ignored))
		row_read_body(ret, v);
}

bool response_row_has_tool(const struct response_row *row, struct str type)
{
	yyjson_val *tool;
	size_t i, max;
	yyjson_arr_foreach(row->tools, i, max, tool)
	{
		if (str_eq(json_str(json_get(tool, S("type"))), type))
			return true;
	}
	return false;
}
