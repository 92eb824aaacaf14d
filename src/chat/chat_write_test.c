/* chat_write_test.c - chat completion objects and chunks, whole. */
#include "chat/chat_write.h"

#include <string.h>

#include "base/test.h"

static struct arena a;
static struct chat_create req;
static const struct chat_head head = {STR("chatcmpl-1"), STR("m"), 1700000000, &req, {0}};

static struct model_event text(const char *s)
{
	return (struct model_event){.kind = ME_TEXT, .text = str_of(s)};
}

/* The fingerprint depends on the version: cut out, its shape checked. */
static void without_fingerprint(struct buf *b)
{
	struct str key = S(",\"system_fingerprint\":\"fp_");
	char *at = memmem(b->p, b->n, key.p, key.n);
	CHECK(at != NULL);
	if (!at)
		return;
	size_t n = key.n + 10 + 1;
	CHECK(at[n - 1] == '"');
	memmove(at, at + n, (size_t)(b->p + b->n - at) - n);
	b->n -= n;
}

static void is(struct buf *b, const char *want)
{
	struct err e = {0};
	yyjson_val *v;
	without_fingerprint(b);
	CHECK(json_parse(&a, buf_str(b), &v, &e));
	CHECK_STR(buf_str(b), str_of(want));
	buf_clear(b);
}

static void add(struct chat_choice *c, struct model_event ev)
{
	struct err e = {0};
	CHECK(chat_choice_add(c, &ev, &e));
}

#define OPEN                                                                                                           \
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"m\",\"choices\":["
#define USAGE                                                                                                          \
	"\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21,\"prompt_tokens_details\":{"      \
	"\"cached_tokens\":4,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":3,"               \
	"\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}"

static const struct usage usage = {.input = 9, .cached = 4, .output = 12, .reasoning = 3};

static void whole(void)
{
	struct buf b;
	struct chat_choice c[2];
	buf_init(&b, 10000);
	req = (struct chat_create){.n = 2, .metadata = S("{\"k\":\"v\"}")};
	chat_choice_init(&c[0], &a, &req.prompt, 0, 1000);
	chat_choice_init(&c[1], &a, &req.prompt, 1, 1000);
	add(&c[0], text("Hel"));
	add(&c[0], text("lo \"x\""));
	add(&c[1], (struct model_event){.kind = ME_REASONING, .text = S("hm")});
	add(&c[1], (struct model_event){.kind = ME_REFUSAL, .text = S("no")});
	c[0].finish = FINISH_STOP;
	c[1].finish = FINISH_LENGTH;
	chat_completion_write(&(struct jout){.b = &b}, &head, c, 2, &usage);
	is(&b,
	   OPEN "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello \\\"x\\\"\",\"refusal\":null,"
		"\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"role\":"
		"\"assistant\",\"content\":null,\"reasoning_content\":\"hm\",\"refusal\":\"no\",\"annotations\":[]},"
		"\"logprobs\":null,\"finish_reason\":\"length\"}]," USAGE
		",\"service_tier\":\"default\"}");
	chat_choice_release(&c[0]);
	chat_choice_release(&c[1]);
	/* Nothing at all is an empty text. */
	req = (struct chat_create){.n = 1};
	chat_choice_init(&c[0], &a, &req.prompt, 0, 1000);
	c[0].finish = FINISH_FILTER;
	chat_completion_write(&(struct jout){.b = &b}, &head, c, 1, &usage);
	is(&b, OPEN
	   "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null,\"annotations\":[]},"
	   "\"logprobs\":null,\"finish_reason\":\"content_filter\"}]," USAGE ",\"service_tier\":\"default\"}");
	chat_choice_release(&c[0]);
	buf_release(&b);
	arena_free(&a);
}

static void calls(void)
{
	struct buf b, want;
	struct chat_choice c;
	buf_init(&b, 10000);
	buf_init(&want, 10000);
	req = (struct chat_create){.n = 1};
	chat_choice_init(&c, &a, &req.prompt, 0, 1000);
	for (int i = 0; i < 6; i++) {
		add(&c, (struct model_event){.kind = ME_CALL_BEGIN, .index = i, .name = S("f"), .call_id = S("same")});
		add(&c, (struct model_event){.kind = ME_CALL_ARGS, .index = i, .text = S("{\"a\":")});
		add(&c, (struct model_event){.kind = ME_CALL_ARGS, .index = i, .text = S("1}")});
	}
	c.finish = FINISH_CALLS;
	CHECK(c.n_calls == 6 && strncmp(c.calls[0].id, "call_", 5) == 0 && strcmp(c.calls[0].id, c.calls[1].id) != 0);
	chat_completion_write(&(struct jout){.b = &b}, &head, &c, 1, &usage);
	buf_add(&want, S(OPEN "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["));
	for (int i = 0; i < 6; i++)
		buf_fmt(&want,
			"%s{\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
			"\\\"a\\\":1}\"}}",
			i ? "," : "", c.calls[i].id);
	buf_add(&want,
		S("],\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}]," USAGE
		  ",\"service_tier\":\"default\"}"));
	buf_byte(&want, 0);
	is(&b, want.p);
	chat_choice_release(&c);
	buf_release(&b);
	buf_release(&want);
	arena_free(&a);
}

static void logprobs(void)
{
	struct buf b;
	struct chat_choice c;
	buf_init(&b, 10000);
	req = (struct chat_create){.n = 1, .prompt = {.logprobs = true}};
	chat_choice_init(&c, &a, &req.prompt, 0, 1000);
	add(&c, (struct model_event){.kind = ME_TEXT, .text = S("a"), .logprobs = S("[{\"token\":\"a\"}]")});
	add(&c, text("-"));
	add(&c, (struct model_event){.kind = ME_TEXT, .text = S("b"), .logprobs = S(" [ ] ")});
	add(&c, (struct model_event){
		    .kind = ME_TEXT, .text = S("c"), .logprobs = S("[{\"token\":\"b\"},{\"token\":\"c\"}]")});
	chat_completion_write(&(struct jout){.b = &b}, &head, &c, 1, &usage);
	is(&b, OPEN
	   "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a-bc\",\"refusal\":null,\"annotations\":[]},"
	   "\"logprobs\":{\"content\":[{\"token\":\"a\"},{\"token\":\"b\"},{\"token\":\"c\"}],\"refusal\":null},"
	   "\"finish_reason\":\"stop\"}]," USAGE ",\"service_tier\":\"default\"}");
	chat_choice_release(&c);
	buf_release(&b);
	arena_free(&a);
}

#define CHUNK                                                                                                          \
	"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\","          \
	"\"service_tier\":\"default\",\"choices\":["

static void event_is(struct buf *b, struct chat_choice *c, struct model_event ev, int64_t delta, const char *want)
{
	int64_t n = -1;
	add(c, ev);
	chat_chunk_event(&(struct jout){.b = b}, &head, c, &ev, &n);
	CHECK(n == delta);
	is(b, want);
}

static void chunks(void)
{
	struct buf b;
	struct chat_choice c;
	char want[1000];
	buf_init(&b, 10000);
	req = (struct chat_create){.n = 2};
	chat_choice_init(&c, &a, &req.prompt, 1, 1000);
	chat_chunk_begin(&(struct jout){.b = &b}, &head, &c, false);
	is(&b,
	   CHUNK "{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
		 "\"finish_reason\":null}]}");
	chat_chunk_begin(&(struct jout){.b = &b}, &head, &c, true);
	is(&b,
	   CHUNK "{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":null,\"refusal\":null},\"logprobs\":null,"
		 "\"finish_reason\":null}]}");
	event_is(&b, &c, text("hi"), 2,
		 CHUNK "{\"index\":1,\"delta\":{\"content\":\"hi\"},\"logprobs\":null,\"finish_reason\":null}]}");
	event_is(&b, &c, (struct model_event){.kind = ME_REASONING, .text = S("hm")}, 2,
		 CHUNK
		 "{\"index\":1,\"delta\":{\"reasoning_content\":\"hm\"},\"logprobs\":null,\"finish_reason\":null}]}");
	event_is(&b, &c, (struct model_event){.kind = ME_REFUSAL, .text = S("no")}, 2,
		 CHUNK "{\"index\":1,\"delta\":{\"refusal\":\"no\"},\"logprobs\":null,\"finish_reason\":null}]}");
	struct model_event begin = {.kind = ME_CALL_BEGIN, .index = 0, .name = S("f"), .call_id = S("x")};
	int64_t n = -1;
	add(&c, begin);
	chat_chunk_event(&(struct jout){.b = &b}, &head, &c, &begin, &n);
	snprintf(
	    want, sizeof want,
	    CHUNK
	    "{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"%s\",\"type\":\"function\",\"function\":{"
	    "\"name\":\"f\",\"arguments\":\"\"}}]},\"logprobs\":null,\"finish_reason\":null}]}",
	    c.calls[0].id);
	is(&b, want);
	event_is(&b, &c, (struct model_event){.kind = ME_CALL_ARGS, .index = 0, .text = S("{}")}, 2,
		 CHUNK "{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]},"
		       "\"logprobs\":null,\"finish_reason\":null}]}");
	c.finish = FINISH_STOP;
	chat_chunk_finish(&(struct jout){.b = &b}, &head, &c);
	is(&b, CHUNK "{\"index\":1,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}]}");
	chat_choice_release(&c);
	/* With include_usage every chunk says that there is none yet; the last one has it and no choices. */
	req = (struct chat_create){.n = 1, .include_usage = true, .prompt = {.logprobs = true}};
	chat_choice_init(&c, &a, &req.prompt, 0, 1000);
	event_is(&b, &c, (struct model_event){.kind = ME_TEXT, .text = S("x"), .logprobs = S("[{\"token\":\"x\"}]")}, 1,
		 CHUNK "{\"index\":0,\"delta\":{\"content\":\"x\"},\"logprobs\":{\"content\":[{\"token\":\"x\"}],"
		       "\"refusal\":null},"
		       "\"finish_reason\":null}],\"usage\":null}");
	chat_chunk_usage(&(struct jout){.b = &b}, &head, &usage);
	is(&b, CHUNK "]," USAGE "}");
	chat_choice_release(&c);
	buf_release(&b);
	arena_free(&a);
}

static void engines_may_be_wrong(void)
{
	struct chat_choice c;
	struct err e = {0};
	chat_choice_init(&c, &a, &req.prompt, 0, 5);
	CHECK(!chat_choice_add(&c, &(struct model_event){.kind = ME_CALL_ARGS, .index = 0, .text = S("x")}, &e) &&
	      e.code == ERR_ENGINE);
	e = (struct err){0};
	CHECK(!chat_choice_add(&c, &(struct model_event){.kind = ME_CALL_BEGIN, .index = 3}, &e) &&
	      e.code == ERR_ENGINE);
	e = (struct err){0};
	CHECK(!chat_choice_add(&c, &(struct model_event){.kind = ME_CALL_BEGIN, .index = -1}, &e) &&
	      e.code == ERR_ENGINE);
	e = (struct err){0};
	add(&c, text("12345"));
	CHECK(!chat_choice_add(&c, &(struct model_event){.kind = ME_TEXT, .text = S("6")}, &e) && e.code == ERR_ENGINE);
	chat_choice_release(&c);
	arena_free(&a);
}

static void sums(void)
{
	struct usage sum = {0};
	chat_usage_add(&sum, &usage);
	chat_usage_add(&sum, &(struct usage){.input = 9, .cached = 9, .output = 1, .reasoning = 0});
	CHECK(sum.input == 9 && sum.cached == 9 && sum.output == 13 && sum.reasoning == 3);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"the whole object", whole},
	    {"calls", calls},
	    {"logprobs", logprobs},
	    {"chunks", chunks},
	    {"engines may be wrong", engines_may_be_wrong},
	    {"usage of several choices", sums},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
