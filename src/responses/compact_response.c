/* compact_response.c - POST /v1/responses/compact: a turn that makes nothing but a compaction. */
#include "turn/compact.h"
#include "turn/turn_finish.h"
#include "turn/turn_kind.h"
#include "turn/turn_start.h"

static void on_compacted(struct turn *t, const struct err *e)
{
	t->response.usage = t->call.usage;
	turn_call_end(t, e);
}

static void compact_call(struct turn *t)
{
	compact_start(t, on_compacted);
}

static struct str fresh_id(struct turn *t, enum item_type type)
{
	struct id id = id_mint();
	return id_text(arena_bytes(&t->arena, ID_MAX), item_rows[type].prefix, &id);
}

static void compact_answer(struct turn *t, struct buf *body)
{
	struct compaction *c = t->context.compaction;
	struct jout o = {body, false};
	jo_obj(&o);
	jo_kstr(&o, "id", t->response.id);
	jo_kstr(&o, "object", S("response.compaction"));
	jo_kint(&o, "created_at", t->response.created_at);
	jo_key(&o, S("output"));
	jo_arr(&o);
	for (size_t i = 0; i < c->n; i++) {
		const struct item *it = &c->items[i];
		if (it->type == ITEM_MESSAGE && str_eq(it->role, S("user")))
			jo_raw(&o, item_listed(&t->arena, it, it->id.n ? it->id : fresh_id(t, ITEM_MESSAGE)));
	}
	jo_obj(&o);
	jo_kstr(&o, "id", fresh_id(t, ITEM_COMPACTION));
	jo_kstr(&o, "type", S("compaction"));
	jo_kstr(&o, "encrypted_content", c->sealed);
	jo_obj_end(&o);
	jo_arr_end(&o);
	jo_key(&o, S("usage"));
	usage_write(&o, &t->response.usage);
	jo_obj_end(&o);
}

void response_compact(struct request *rq)
{
	static const struct turn_kind kind = {
		.name = STR("compact"),
		.request = REQUEST_COMPACT, .open_calls = true, .call = compact_call, .answer = compact_answer};
	turn_start(rq, &kind);
}
