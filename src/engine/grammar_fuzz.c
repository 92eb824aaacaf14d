/* grammar_fuzz.c - any text as a grammar: it is given up with a reason, or its GBNF is text that llama.cpp could read. */
#include <string.h>

#include "engine/grammar.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The first byte says which syntax. Grammars come in JSON: valid UTF-8. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct err why = {0};
	struct str gbnf, text = {(const char *)data + 1, n ? n - 1 : 0};
	struct buf b;
	struct jout o = {.b = &b};
	yyjson_val *v;
	buf_init(&b, 1 << 20);
	jo_str(&o, text); /* mends what is no UTF-8 */
	if (!n || !json_parse(&a, buf_str(&b), &v, &why))
		goto end;
	text = json_str(v);
	if (!grammar_convert(&a, data[0] & 1 ? S("lark") : S("regex"), text, &gbnf, &why)) {
		if (!why.code || !why.msg[0])
			__builtin_trap();
	} else if (!str_starts(gbnf, S("root ::= ")) || memchr(gbnf.p, 0, gbnf.n)) {
		__builtin_trap();
	}
end:
	buf_release(&b);
	arena_free(&a);
	return 0;
}
