/* batch_fuzz.c - any bytes as a line of a batch: no crash, and what is accepted goes through the output. */
#include "model/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a = {0};
	struct batch_line l;
	struct batch_fault fault = {0};
	struct buf b;
	struct err e = {0};
	yyjson_val *back;
	buf_init(&b, 64 << 20);
	if (batch_line_read(&a, (struct str){(const char *)p, n}, S("/v1/responses"), &l, &fault)) {
		struct batch_use use;
		struct batch_answer_text t = {
		    .custom_id = l.custom_id, .request_id = S("req_1"), .body = l.body, .status = 200};
		batch_answer_write(&b, &t);
		if (!json_parse(&a, (struct str){b.p, b.n - 1}, &back, &e) ||
		    !str_eq(json_str(json_get(back, S("custom_id"))), l.custom_id))
			__builtin_trap();
		batch_use_read(json_get(json_get(back, S("response")), S("body")), &use);
	} else {
		struct jout o = {&b, false};
		batch_fault_write(&o, &fault);
		if (!json_parse(&a, buf_str(&b), &back, &e))
			__builtin_trap();
	}
	buf_release(&b);
	arena_free(&a);
	return 0;
}
