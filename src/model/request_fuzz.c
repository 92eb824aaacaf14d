/* request_fuzz.c - any bytes as a request: no crash, and what is accepted renders. */
#include "model/request_calls.h"
#include "model/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const pass[] = {"top_k", "stop", NULL};
	const struct request_rules rules = {.pass = pass, .engine_name = "e"};
	struct arena a = {0};
	struct create c;
	struct err e = {0};
	yyjson_val *body;
	if (json_parse(&a, (struct str){(const char *)p, n}, &body, &e) && create_read(&a, body, &rules, &c, &e)) {
		struct buf b;
		buf_init(&b, 64 << 20);
		struct jout o = {.b = &b};
		struct response r = {.id = S("resp_1"), .req = &c, .model = c.model, .status = RS_IN_PROGRESS};
		yyjson_val *back;
		struct err bad = {0};
		create_check_calls(NULL, 0, &c, c.items, &e);
		for (size_t i = 0; i < c.n_items; i++)
			if (c.items[i].type != ITEM_REFERENCE) {
				struct str listed = item_listed(&a, &c.items[i], S("msg_1"));
				struct item again;
				if (!item_view(&a, listed, &again) || again.type != c.items[i].type)
					__builtin_trap();
			}
		response_write(&o, &r, S(""), false, NULL);
		if (!b.over && !json_parse(&a, buf_str(&b), &back, &bad))
			__builtin_trap();
		buf_release(&b);
	}
	arena_free(&a);
	return 0;
}
