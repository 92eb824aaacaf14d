/* chat_test.h - what the dialect's tests share: prompts made from Responses bodies, rendering, events as lines. */
#pragma once
#include <string.h>

#include "base/test.h"
#include "engine/chat.h"
#include "engine/chat_render.h"
#include "engine/chat_stream.h"
#include "wire/json.h"

/* Capabilities by letter: tools, parallel, schema, vision, audio, system role, thinking switch, urls fetched,
 * schema in the prompt, last roles alternate, grammars as GBNF or (G) as structured outputs. */
static inline struct engine_caps test_caps(const char *letters)
{
	struct engine_caps c = {
	    .tools = strchr(letters, 't') != NULL,
	    .parallel = strchr(letters, 'p') != NULL,
	    .schema = strchr(letters, 's') != NULL,
	    .vision = strchr(letters, 'v') != NULL,
	    .audio = strchr(letters, 'a') != NULL,
	    .system_role = strchr(letters, 'r') != NULL,
	    .thinking_switch = strchr(letters, 'k') != NULL,
	    .fetches_urls = strchr(letters, 'u') != NULL,
	    .schema_prompt = strchr(letters, 'q') != NULL,
	    .alternates = strchr(letters, 'l') != NULL,
	    .grammar = strchr(letters, 'g') ? GRAMMAR_GBNF : strchr(letters, 'G') ? GRAMMAR_STRUCTURED : GRAMMAR_NONE,
	};
	return c;
}

static inline void test_prompt_of(struct arena *a, const struct create *c, struct prompt *p, struct err *e)
{
	if (c->instructions.n)
		prompt_add_text(a, prompt_add(a, p, ROLE_SYSTEM), c->instructions);
	prompt_add_items(a, p, c->items, c->n_items, "input", e);
	p->tools = c->tools;
	p->n_tools = c->n_tools;
	p->choice = c->choice;
	p->choice_name = c->choice_name;
	p->parallel = c->parallel_tool_calls;
	p->format = c->format;
	p->sampling = c->sampling;
	p->logprobs = c->include_logprobs;
}

/* {"model":"m",<members>}; failures print. */
static inline bool test_prompt(struct arena *a, const char *members, struct prompt *p, struct err *e)
{
	static const char *const pass[] = {"top_k", "seed", "repetition_penalty", "chat_template_kwargs", NULL};
	static const struct request_rules rules = {.pass = pass, .engine_name = "test"};
	struct create *c = new (a, struct create);
	yyjson_val *v = NULL;
	struct str body = str_fmt(a, "{\"model\":\"m\",%s}", members);
	*e = (struct err){0};
	*p = (struct prompt){0};
	if (json_parse(a, body, &v, e) && create_read(a, v, &rules, c, e))
		test_prompt_of(a, c, p, e);
	return e->code == ERR_NONE;
}

/* The rendered body, copied to `a`; or the error's text. */
static inline struct str test_render(struct arena *a, const struct prompt *p, const struct chat_options *o)
{
	struct err e = {0};
	struct buf b;
	buf_init(&b, 1 << 20);
	struct str text = chat_render(a, p, o, &b, &e) ? str_copy(a, buf_str(&b)) : str_fmt(a, "error: %s", e.msg);
	buf_release(&b);
	return text;
}

/* Events as text: "T:Hello|C0:get_weather(call_1)|A0:{}|"; pieces of one kind are joined, so that cuts don't show. */
struct seen {
	struct buf b;
	int kind, index;
	bool logprobs; /* write them down too */
	bool apart;    /* each piece for itself */
};

static inline void seen_event(void *ctx, const struct model_event *ev)
{
	static const char kinds[] = "TFRCAM";
	struct seen *s = ctx;
	if (ev->kind == ME_CALL_BEGIN) {
		buf_fmt(&s->b, "|C%d:%.*s(%.*s)", ev->index, FMT(ev->name), FMT(ev->call_id));
		if (ev->marks.n)
			buf_fmt(&s->b, "<%.*s>", FMT(ev->marks));
	} else {
		if (s->apart || s->kind != (int)ev->kind || s->index != ev->index)
			buf_fmt(&s->b, ev->kind == ME_CALL_ARGS || ev->kind == ME_MARKS ? "|%c%d:" : "|%c:", kinds[ev->kind], ev->index);
		buf_add(&s->b, ev->text);
	}
	s->kind = (int)ev->kind;
	s->index = ev->index;
	if (s->logprobs && ev->logprobs.n)
		buf_fmt(&s->b, "<%.*s>", FMT(ev->logprobs));
}

/* Feeds `in` cut into pieces: [0, cut), then the rest; cut 0: one byte at a time. What was seen, the finish, the
 * usage "in/cached/out/reasoning", or the error. */
static inline struct str test_stream_as(struct arena *out, const struct prompt *p, const struct chat_options *o,
					struct str in, size_t cut, struct seen seen, bool parse_all)
{
	static const char *const finishes[] = {"stop", "length", "filter", "calls"};
	struct arena a = {0};
	struct err e = {0};
	enum finish finish = FINISH_STOP;
	struct usage u = {0};
	bool ok = true;
	buf_init(&seen.b, 4 << 20);
	struct chat_stream *s = chat_stream_new(&a, p, o, seen_event, &seen);
	if (parse_all)
		chat_stream_parse_all(s);
	for (size_t at = 0; ok && at < in.n;) {
		size_t n = cut == 0 ? 1 : at == 0 && cut < in.n ? cut : in.n - at;
		char *piece = xalloc(n); /* so that the sanitizer sees reads beyond it */
		memcpy(piece, in.p + at, n);
		ok = chat_stream_feed(s, (struct str){piece, n}, &e);
		xfree(piece);
		at += n;
	}
	ok = ok && chat_stream_end(s, &finish, &u, &e);
	if (ok)
		buf_fmt(&seen.b, "|%s %d/%d/%d/%d", finishes[finish], (int)u.input, (int)u.cached, (int)u.output,
			(int)u.reasoning);
	else
		buf_fmt(&seen.b, "|error %s: %s", err_rows[e.code].name, e.msg);
	struct str text = str_copy(out, buf_str(&seen.b));
	buf_release(&seen.b);
	arena_free(&a);
	return text;
}

/* The same, where chunks that are parsed and chunks that are read by what they share (chat_same.h) must make the same
 * events, one by one. */
static inline struct str test_stream(struct arena *out, const struct prompt *p, const struct chat_options *o,
				     struct str in, size_t cut, bool logprobs)
{
	struct seen seen = {.kind = -1, .logprobs = logprobs}, apart = {.kind = -1, .logprobs = true, .apart = true};
	struct arena a = {0};
	struct str all = test_stream_as(&a, p, o, in, cut, apart, true);
	CHECK_STR(test_stream_as(&a, p, o, in, cut, apart, false), all);
	arena_free(&a);
	return test_stream_as(out, p, o, in, cut, seen, false);
}

static inline struct str test_file(struct arena *a, const char *path)
{
	struct buf b;
	char *room;
	size_t n;
	FILE *f = fopen(path, "rb");
	buf_init(&b, 4 << 20);
	while (f && (room = buf_room(&b, 4096)) && (n = fread(room, 1, 4096, f)) > 0)
		b.n += n;
	if (f)
		fclose(f);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}
