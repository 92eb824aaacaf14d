/* template_fuzz.c - any template with any request: it is refused, or what comes out is a request of ours. */
#include "model/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A template, a zero byte, a request. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct str text = {(const char *)data, n}, first = str_cut(&text, 0), filled;
	struct template_body body;
	struct create c;
	struct err e = {0};
	yyjson_val *v, *request;
	if (!json_parse(&a, first, &v, &e) || !template_read(&a, v, TEMPLATE_CREATE, &body, &e) ||
	    !json_parse(&a, text, &request, &e) || !yyjson_is_obj(request))
		goto end;
	struct template_view t = {.id = S("pmpt_1"), .name = body.name, .metadata = S("{}"), .version = 1};
	struct request_rules rules = {.prompt = RULES_PROMPT_FILLED};
	if (!json_parse(&a, body.members, &t.members, &e))
		__builtin_trap();
	if (!template_fill(&a, request, &t, 1 << 20, &filled, &e))
		goto end;
	yyjson_doc *doc = yyjson_read(filled.p, filled.n, 0); /* without our limit on depth */
	if (!doc)
		__builtin_trap();
	yyjson_doc_free(doc);
	if (json_parse(&a, filled, &v, &e))
		create_read(&a, v, &rules, &c, &e);
end:
	arena_free(&a);
	return 0;
}
