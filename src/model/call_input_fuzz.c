/* call_input_fuzz.c - any arguments, in pieces of any size: what is told of their list of texts is what they say when they are whole. */
#include "model/call_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* `told` is what the whole arguments say, as far as it goes: its texts one after another, each closed by a zero byte once it has ended. */
static void compare(struct str told, yyjson_val *list)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(list, i, max, one)
	{
		struct str text = json_str(one);
		size_t same = text.n < told.n ? text.n : told.n;
		if (!yyjson_is_str(one))
			break;
		if (!str_eq((struct str){text.p, same}, (struct str){told.p, same}))
			__builtin_trap();
		told = (struct str){told.p + same, told.n - same};
		if (!told.n)
			return;
		if (told.p[0] != 0)
			__builtin_trap();
		told = (struct str){told.p + 1, told.n - 1};
	}
	if (told.n)
		__builtin_trap();
}

/* The first byte: how much comes at once. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct err e = {0};
	struct call_list l = {0};
	struct buf told;
	yyjson_val *v;
	if (!n)
		return 0;
	size_t step = data[0] ? data[0] : 1;
	struct str all = {(const char *)data + 1, n - 1};
	buf_init(&told, SIZE_MAX / 2);
	for (size_t at = 0; at <= all.n + step; at += step) {
		enum call_list_news news;
		do {
			news = call_list_next((struct str){all.p, at < all.n ? at : all.n}, S("commands"), &l, &told);
			if (news == LIST_ENDS)
				buf_byte(&told, 0);
		} while (news != LIST_WAITS);
	}
	if (json_parse(&a, all, &v, &e) && told.n)
		compare(buf_str(&told), json_get(v, S("commands")));
	buf_release(&told);
	arena_free(&a);
	return 0;
}
