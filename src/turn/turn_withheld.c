/* turn_withheld.c - which thoughts of the request's input the model is not shown. */
#include "turn/turn_withheld.h"

/* Where the newest turn begins: what comes behind goes back to the engine. */
static size_t withheld_until(const struct turn *t)
{
	size_t last = t->context.n_input;
	while (last && !(t->context.input[last - 1].type == ITEM_MESSAGE && str_eq(t->context.input[last - 1].role, S("user"))))
		last--;
	return last;
}

static bool withheld_says(const struct item *it)
{
	yyjson_val *parts = json_get(it->val, S("content"));
	return yyjson_arr_size(parts) || yyjson_arr_size(json_get(it->val, S("summary")));
}

void turn_withheld_find(struct turn *t)
{
	size_t until = t->req.reasoning_all ? 0 : withheld_until(t);
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	for (size_t i = 0; i < until; i++) {
		const struct item *it = &t->context.input[i];
		if (it->type != ITEM_REASONING || !it->id.n || !withheld_says(it))
			continue;
		if (!b.n)
			jo_arr(&o);
		jo_obj(&o);
		jo_kstr(&o, "id", it->id);
		jo_kstr(&o, "action", S("removed"));
		jo_kstr(&o, "reason", S("turn_boundary"));
		jo_kstr(&o, "type", S("reasoning"));
		jo_obj_end(&o);
	}
	if (b.n) {
		jo_arr_end(&o);
		t->response.withheld = str_copy(&t->arena, buf_str(&b));
	}
	buf_release(&b);
}
