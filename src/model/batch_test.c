/* batch_test.c - lines and answers of batches. */
#include "model/batch.h"

#include <string.h>

#include "base/test.h"

static const char *fault_of(const char *text)
{
	static struct batch_fault f;
	struct arena a = {0};
	struct batch_line l;
	bool ok = batch_line_read(&a, str_of(text), S("/v1/responses"), &l, &f);
	arena_free(&a);
	return ok ? "" : f.code;
}

static void lines(void)
{
	static const struct {
		const char *text, *code;
	} rows[] = {
		{"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":{}}", ""},
		{"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":{\"stream\":false}}", ""},
		{"", "invalid_json_line"},
		{"null", "invalid_json_line"},
		{"{\"custom_id\":\"a\"} x", "invalid_json_line"},
		{"{\"custom_id\":1,\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":{}}", "invalid_custom_id"},
		{"{\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":{}}", "missing_required_parameter"},
		{"{\"custom_id\":\"a\",\"method\":\"post\",\"url\":\"/v1/responses\",\"body\":{}}", "invalid_method"},
		{"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses/\",\"body\":{}}", "invalid_url"},
		{"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":7,\"body\":{}}", "invalid_url"},
		{"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\"}", "missing_required_parameter"},
		{"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":\"\"}", "invalid_type"},
		{"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":{\"stream\":true}}",
		 "invalid_request"},
		{"{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\",\"body\":{\"background\":true}}",
		 "invalid_request"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(!strcmp(fault_of(rows[i].text), rows[i].code));
	}
}

static void use_of(const char *text, struct batch_use *ret, struct arena *a)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(json_parse(a, str_of(text), &v, &e));
	batch_use_read(v, ret);
}

static void uses(void)
{
	struct arena a = {0};
	struct batch_use u;
	use_of("{\"object\":\"response\",\"model\":\"m\",\"status\":\"completed\",\"usage\":{\"input_tokens\":3,"
	       "\"input_tokens_details\":{\"cached_tokens\":2},\"output_tokens\":5,\"output_tokens_details\":"
	       "{\"reasoning_tokens\":1}}}", &u, &a);
	CHECK(u.input == 3 && u.cached == 2 && u.output == 5 && u.reasoning == 1 && !u.cancelled);
	CHECK(str_eq(u.model, S("m")));
	use_of("{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":1}}}",
	       &u, &a);
	CHECK(u.input == 3 && u.cached == 1 && u.output == 4 && u.reasoning == 0 && !u.model.n);
	use_of("{\"object\":\"response\",\"status\":\"cancelled\",\"usage\":null}", &u, &a);
	CHECK(u.cancelled && u.input == 0);
	use_of("{\"usage\":{\"input_tokens\":-3,\"output_tokens\":\"x\"}}", &u, &a);
	CHECK(u.input == 0 && u.output == 0);
	batch_use_read(NULL, &u);
	CHECK(!u.cancelled && !u.model.n);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"lines of the input", lines},
	    {"what answers count", uses},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
