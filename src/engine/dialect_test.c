/* dialect_test.c - the table of dialects, and what refusals teach. */
#include "engine/dialect.h"

#include <string.h>

#include "base/test.h"
#include "base/arena.h"

static void rows(void)
{
	static const struct {
		const char *dialect, *traits;
	} set[] = {
#define DIALECT(NAME, wire, hosts, owner, traits) {wire, traits},
#include "engine/dialects.def"
#undef DIALECT
	};
	for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
		struct traits t = {0};
		struct err e = {0};
		struct str left = str_of(set[i].traits);
		CHECK(dialect_named(str_of(set[i].dialect)) == (enum dialect)i);
		while (left.n)
			CHECK(trait_set(&t, str_cut(&left, ' '), &e));
	}
	CHECK(dialect_named(S("nobody")) == DIALECTS);
}

static void found(void)
{
	CHECK(dialect_of_host(S("api.openai.com")) == DIALECT_OPENAI);
	CHECK(dialect_of_host(S("me.openai.azure.com")) == DIALECT_AZURE);
	CHECK(dialect_of_host(S("openai.azure.com")) == DIALECT_GENERIC);
	CHECK(dialect_of_host(S("xapi.openai.com")) == DIALECT_GENERIC);
	CHECK(dialect_of_host(S("127.0.0.1")) == DIALECT_GENERIC);
	CHECK(dialect_of_host(S("")) == DIALECT_GENERIC);
	CHECK(dialect_of_owner(S("vllm")) == DIALECT_VLLM);
	CHECK(dialect_of_owner(S("")) == DIALECT_GENERIC && dialect_of_owner((struct str){0}) == DIALECT_GENERIC);
}

static void settings(void)
{
	static const char *const bad[] = {"",      "thoughts", "thoughts=", "thoughts=no", "thought=none",
					  "=none", "limit=max"};
	struct arena a = {0};
	struct traits t = dialect_traits(DIALECT_AZURE);
	struct err e = {0};
	CHECK(trait_set(&t, S("limit=max_tokens"), &e) && t.of[TRAIT_LIMIT] == LIMIT_OLD);
	CHECK_STR(traits_text(&a, &t),
		  S("limit=max_tokens effort=yes thoughts=none ids=own json=json_object strict=mixed "
		    "parallel=yes usage=asked auth=api-key"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		e = (struct err){0};
		CHECK(!trait_set(&t, str_of(bad[i]), &e) && e.code == ERR_CONFIG);
	}
	arena_free(&a);
}

static void refusals(void)
{
	static const struct {
		const char *body, *answer, *want;
	} cases[] = {
	    {"{\"max_tokens\":5}", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
	     "limit=max_completion_tokens"},
	    {"{\"max_completion_tokens\":5}", "Unknown field: max_completion_tokens", "limit=max_tokens"},
	    {"{\"max_tokens\":5}", "max_tokens is too large: 5", ""},
	    {"{\"x\":5}", "Unsupported parameter: 'max_tokens'", ""},
	    {"{\"reasoning_content\":\"\"}", "property 'reasoning_content' is unsupported", "thoughts=reasoning"},
	    {"{\"reasoning\":\"\"}", "property 'messages.1.reasoning' is unsupported", "thoughts=none"},
	    {"{\"reasoning_effort\":\"minimal\"}", "reasoning_effort should be 'low', 'medium' or 'high'",
	     "effort=basic"},
	    {"{\"reasoning_effort\":\"low\"}", "Unrecognized request argument supplied: reasoning_effort", "effort=no"},
	    {"{\"stream_options\":{}}", "Extra inputs are not permitted: stream_options", "usage=given"},
	    {"{\"tools\":[{\"strict\":true}]}", "Tools with mixed values for 'strict' are not allowed", "strict=no"},
	    {"{\"response_format\":{}}", "'response_format.type' must be 'json_schema' or 'text'", "json=json_schema"},
	    {"", "", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena a = {0};
		struct traits t = {0}, want;
		struct err e = {0};
		unsigned tried = 0;
		enum trait which;
		unsigned char value;
		t.of[TRAIT_EFFORT] = EFFORT_YES;
		if (strstr(cases[i].body, "max_completion_tokens"))
			t.of[TRAIT_LIMIT] = LIMIT_NEW;
		want = t;
		bool learnt = traits_learn(&t, str_of(cases[i].answer), str_of(cases[i].body), &tried, &which, &value);
		CHECK(learnt == (cases[i].want[0] != 0));
		if (learnt) {
			CHECK(trait_set(&want, str_of(cases[i].want), &e));
			CHECK(value == want.of[which]);
			t.of[which] = value;
			CHECK_STR(traits_text(&a, &t), traits_text(&a, &want));
			/* not twice, and not back */
			CHECK(which == TRAIT_EFFORT || !traits_learn(&t, str_of(cases[i].answer), str_of(cases[i].body),
								     &tried, &which, &value));
		}
		arena_free(&a);
	}
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"every row of the table is understood", rows},
	    {"dialects are found by host and owner", found},
	    {"traits are set by name", settings},
	    {"a refusal that names a member teaches once", refusals},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
