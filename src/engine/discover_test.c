/* discover_test.c - what engines tell of themselves; truncation's arithmetic. */
#include "engine/discover.h"

#include <string.h>

#include "base/test.h"
#include "engine/facts.h"
#include "engine/truncate.h"

/* As llama.cpp tells it for the default model, shortened. */
#define LLAMA_PROPS                                                                                              \
	"{\"default_generation_settings\":{\"params\":{\"seed\":4294967295},\"n_ctx\":4096},\"total_slots\":2,"  \
	"\"model_alias\":\"smollm2-135m\",\"modalities\":{\"vision\":false,\"video\":false,\"audio\":false},"    \
	"\"chat_template\":\"{% for message in messages %}\",\"chat_template_caps\":{"                          \
	"\"supports_parallel_tool_calls\":false,\"supports_system_role\":true,\"supports_tool_calls\":false}}"

static struct engine_facts all_facts(void)
{
	return (struct engine_facts){.caps = {.tools = true, .parallel = true, .schema = true, .vision = true, .audio = true}};
}

static void reads_props(void)
{
	struct engine_config c = {.name = S("x")};
	struct engine_facts f = all_facts();
	CHECK(props_read(S(LLAMA_PROPS), &c, &f));
	CHECK(f.llamacpp && f.slots == 2 && f.context == 4096);
	CHECK(!f.caps.tools && !f.caps.vision && f.caps.system_role && f.caps.schema && !f.caps.thinking_switch);
	CHECK(f.pass == engine_pass_local);
	f = all_facts();
	CHECK(props_read(S("{\"default_generation_settings\":{\"n_ctx\":-5},\"total_slots\":1e300,"
	                   "\"chat_template\":\"{% if enable_thinking %}\"}"),
	                 &c, &f));
	CHECK(f.slots == 0 && f.context == 0 && f.caps.thinking_switch);
}

static void is_not_misled(void)
{
	static const struct str bodies[] = {STR(""),   STR("<html>"), STR("[]"),   STR("{}"),
	                                    STR("{\"data\":{}}"), STR("null"), STR("{\"data\":\"x\"}")};
	struct engine_config c = {.name = S("x")};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct engine_facts f = all_facts();
		CHECK(!props_read(bodies[i], &c, &f) && !f.llamacpp && f.caps.tools);
		CHECK(!models_read(bodies[i], &c, 1, &f) && !f.a);
	}
	struct engine_facts f = all_facts();
	CHECK(models_read(S("{\"data\":[1,null,{\"id\":5},{\"id\":\"\"},{\"x\":1}]}"), &c, 1, &f) && f.n_models == 0);
	facts_free(&f);
}

static void reads_models(void)
{
	static const char *const own[] = {"top_k", NULL};
	struct engine_config c = {.name = S("x")};
	struct engine_facts f = all_facts();
	CHECK(models_read(S("{\"data\":[{\"id\":\"a\",\"owned_by\":\"vllm\",\"max_model_len\":2048,\"created\":9},"
	                    "{\"id\":\"b\",\"context_length\":77,\"architecture\":{\"input_modalities\":[\"text\"]}}]}"),
	                  &c, 3, &f));
	CHECK(f.n_models == 2 && f.caps.thinking_switch);
	CHECK(f.models[0].context == 2048 && f.models[0].created == 9 && f.models[0].vision);
	CHECK(f.models[1].context == 77 && f.models[1].created == 3 && !f.models[1].vision);
	CHECK_STR(f.models[1].owned_by, S("x"));
	CHECK(f.pass == engine_pass_plain); /* not known to be a local engine */
	facts_free(&f);
	c.pass = own;
	f = all_facts();
	f.pass = own;
	CHECK(models_read(S("{\"data\":[{\"id\":\"a\"}]}"), &c, 3, &f) && f.pass == own);
	facts_free(&f);
}

static void truncates(void)
{
	struct arena a = {0};
	struct prompt p = {.truncate = true};
	static char text[1000];
	memset(text, 'x', sizeof text);
	prompt_add_text(&a, prompt_add(&a, &p, ROLE_SYSTEM), S("keep me"));
	for (int i = 0; i < 10; i++)
		prompt_add_text(&a, prompt_add(&a, &p, i % 2 ? ROLE_ASSISTANT : ROLE_USER), (struct str){text, sizeof text});
	prompt_add_text(&a, prompt_add(&a, &p, ROLE_USER), S("the last"));
	CHECK(truncate_goal(&p, 1000) == 749);
	p.sampling.has_max_output_tokens = true;
	p.sampling.max_output_tokens = 16;
	CHECK(truncate_goal(&p, 1000) == 983);
	CHECK(truncate_prompt(&p, 4000, 2000));
	CHECK(p.n > 4 && p.n < 9); /* about half */
	CHECK(p.messages[0].role == ROLE_SYSTEM);
	while (truncate_prompt(&p, 10, 10))
		;
	CHECK(p.n == 2 && p.messages[1].role == ROLE_USER);
	CHECK_STR(p.messages[1].parts[0].text, S("the last"));
	arena_free(&a);
}

static void reads_numbers(void)
{
	int64_t tokens = 0, context = 0;
	CHECK(overflow_read(S("{\"error\":{\"code\":400,\"n_prompt_tokens\":5000,\"n_ctx\":4096}}"), &tokens, &context));
	CHECK(tokens == 5000 && context == 4096);
	CHECK(!overflow_read(S("{\"error\":\"too long\"}"), &tokens, &context));
	CHECK(!overflow_read(S("nothing"), &tokens, &context));
	CHECK(count_read(S("{\"input_tokens\":35,\"object\":\"response.input_tokens\"}")) == 35);
	CHECK(count_read(S("{\"input_tokens\":\"35\"}")) == 0 && count_read(S("")) == 0);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"reads props", reads_props},
		{"is not misled", is_not_misled},
		{"reads models", reads_models},
		{"truncates", truncates},
		{"reads numbers", reads_numbers},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
