/* tape_fuzz.c - any bytes as a recording, and its first part as a request to the engine that plays it. */
#include "tape/tape_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str bytes = {(const char *)p, n}, rest = bytes, first = str_cut(&rest, '\n');
	struct arena a = {0};
	struct err e = {0}, ignored = {0};
	struct tape *t;
	yyjson_val *request = NULL, *back;
	struct buf b;
	if (!tape_read(bytes, &t, &e))
		return 0;
	json_parse(&a, first, &request, &ignored);
	const struct tape_answer *answer = tape_answer_to(t, request);
	buf_init(&b, SIZE_MAX / 2);
	if (answer) {
		tape_stream(t, answer, &b);
		buf_clear(&b);
		tape_whole(t, answer, &b);
		if (!json_parse(&a, buf_str(&b), &back, &e))
			__builtin_trap();
	}
	tape_tool(t, S("web_search_call"), (struct str){0}, request);
	buf_release(&b);
	arena_free(&a);
	tape_close(t);
	return 0;
}
