/* chat_same_fuzz.c - any strings in the chunks of an answer: what is read by what a chunk shares with the last one
 * (chat_same.h) makes the events of what is parsed. The first byte chooses the think tags and the cuts; a line of the
 * rest is one chunk: its first byte chooses what stands around it, what follows stands in its string as it is. */
#include <assert.h>

#include "engine/chat_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const around[][2] = {
    {"{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"", "\"},\"finish_reason\":null}]}"},
    {"{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"",
     "\"},\"logprobs\":null}]}"},
    {"{\"choices\":[{\"delta\":{\"reasoning_content\":\"", "\",\"content\":\"\"}}]}"},
    {"{\"choices\":[{\"delta\":{\"reasoning_content\":\"", "\",\"reasoning\":\"x\"}}]}"},
    {"{\"choices\":[{\"delta\":{\"reasoning_content\":\"\",\"reasoning\":\"", "\"}}]}"},
    {"{\"choices\":[{\"delta\":{\"refusal\":\"", "\",\"tool_calls\":[]}}]}"},
    {"{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"", "\"}]}}]}"},
    {"{\"choices\":[{\"delta\":{\"content\":[{\"thinking\":[{\"text\":\"", "\"}],\"signature\":\"s\"}]}}]}"},
    {"{\"choices\":[{\"delta\":{\"content\":\"",
     "\"},\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":-1}]}}]}"},
    {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"",
     "\",\"logprob\":-1}]}}]}"},
    {"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"i\",\"function\":{\"name\":\"f\",\"arguments\":"
     "\"",
     "\"}}]}}]}"},
    {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"", "\"}]}"},
    {"{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":\"", "\"}}"},
    {"{\"choices\":[{\"delta\":{\"content\":\"", "\",\"refusal\":\"b\"}}]}"},
    {"{\"choices\":[{\"delta\":{\"content\":\"", "\"}},{\"index\":0,\"delta\":{\"content\":\"b\"}}]}"},
    {"{\"choices\":[{\"delta\":{\"content\":\"", "\"}}],\"error\":\"\",\"object\":\"chat.completion.chunk\"}"},
};

static struct str run(struct arena *a, struct str in, size_t cut, const struct chat_options *o, bool parse_all)
{
	struct prompt p;
	struct err e;
	bool ok = test_prompt(a,
			      "\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":false,"
			      "\"parameters\":null}]",
			      &p, &e);
	assert(ok);
	return test_stream_as(a, &p, o, in, cut, (struct seen){.kind = -1, .logprobs = true, .apart = true}, parse_all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct think_tags tags = {STR("<t>"), STR("</t>"), false};
	struct arena a = {0};
	struct engine_caps caps = test_caps("tpsr");
	struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1};
	struct str rest = {(const char *)data + 1, size ? size - 1 : 0};
	struct buf in;
	if (!size)
		return 0;
	o.think = data[0] & 1 ? &tags : NULL;
	buf_init(&in, 8 << 20);
	while (rest.n) {
		struct str line = str_cut(&rest, '\n');
		const char *const *shape =
		    around[line.n ? (unsigned char)line.p[0] % (sizeof around / sizeof *around) : 0];
		buf_fmt(&in, "data: %s", shape[0]);
		buf_add(&in, line.n ? (struct str){line.p + 1, line.n - 1} : line);
		buf_fmt(&in, "%s\n\n", shape[1]);
	}
	buf_add(&in, S("data: [DONE]\n\n"));
	struct str all = run(&a, buf_str(&in), data[0] >> 1, &o, true);
	assert(str_eq(run(&a, buf_str(&in), data[0] >> 1, &o, false), all));
	buf_release(&in);
	arena_free(&a);
	return 0;
}
