/* nodes_door.c - the nodes that share a store, as their owner sees them. */
#include "main/nodes_door.h"

#include "base/arena.h"
#include "base/clock.h"

static struct str node_state(const struct node_row *row)
{
	if (!row->seen_at && !row->here)
		return S("ended");
	if (row->dead && !row->here)
		return S("dead");
	return row->draining ? S("drains") : S("serves");
}

static void node_write(struct jout *o, const struct node_row *row)
{
	jo_obj(o);
	jo_kint(o, "node", row->number);
	jo_kstr(o, "state", node_state(row));
	jo_kbool(o, "here", row->here);
	jo_kbool(o, "leads", row->leads);
	jo_kint(o, "started_at", row->started_at);
	jo_kint(o, "silent_ms", row->seen_at ? (clock_wall_us() - row->seen_at) / 1000 : 0);
	jo_kstr(o, "address", str_of(row->address));
	jo_kstr(o, "version", str_of(row->version));
	jo_obj_end(o);
}

bool nodes_answer(struct store *s, yyjson_val *body, struct jout *o, struct err *e)
{
	yyjson_val *number = json_get(body, S("node")), *drain = json_get(body, S("drain"));
	if (body && (!yyjson_is_int(number) || !yyjson_is_bool(drain)))
		return fail(e, ERR_INVALID_VALUE, "node", "the body is not {\"node\": N, \"drain\": true}");
	if (body && !store_drain_node(s, yyjson_get_sint(number), yyjson_is_true(drain), e))
		return false;
	struct node_row *rows = xalloc(NODES_MOST * sizeof *rows);
	size_t n = store_nodes(s, rows);
	jo_obj(o);
	jo_key(o, S("data"));
	jo_arr(o);
	for (size_t i = 0; i < n; i++)
		node_write(o, &rows[i]);
	jo_arr_end(o);
	jo_obj_end(o);
	xfree(rows);
	return true;
}
