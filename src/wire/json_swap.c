/* json_swap.c - an object written again with some of its members changed. */
#include "wire/json_swap.h"

static const struct json_swap *swap_of(const struct json_swap *swaps, size_t n, struct str key)
{
	while (n-- > 0)
		if (str_eq(swaps[n].key, key))
			return &swaps[n];
	return NULL;
}

struct str json_swapped(struct arena *a, yyjson_val *obj, const struct json_swap *swaps, size_t n)
{
	struct buf b;
	size_t i, max;
	yyjson_val *key, *val;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	yyjson_obj_foreach(obj, i, max, key, val)
	{
		const struct json_swap *s = swap_of(swaps, n, json_str(key));
		if (s && !s->json.p)
			continue;
		jo_key(&o, json_str(key));
		if (s)
			jo_raw(&o, s->json);
		else
			jo_val(&o, val);
	}
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}
