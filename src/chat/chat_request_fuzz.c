/* chat_request_fuzz.c - any body of a chat completions request: refused or read, never worse. */
#include <assert.h>

#include "chat/chat_request.h"
#include "engine/prompt_tidy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const pass[] = {"top_k", NULL};
	static const struct chat_rules rules = {.pass = pass, .engine_name = "local", .max_choices = 8};
	struct arena a = {0};
	struct err e = {0};
	struct chat_create c = {0};
	yyjson_val *body;
	if (json_parse(&a, (struct str){(const char *)data, size}, &body, &e)) {
		bool read = chat_read(&a, body, &rules, &c, &e);
		assert(read == (e.code == ERR_NONE));
		assert(!read || (c.prompt.n > 0 && c.n >= 1 && c.n <= 8));
		if (read)
			prompt_tidy(&a, &c.prompt);
	}
	arena_free(&a);
	return 0;
}
