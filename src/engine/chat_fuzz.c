/* chat_fuzz.c - any bytes as an engine's answer, cut anywhere: the events must not depend on the cuts, nor on whether
 * each chunk is parsed or read by what it shares with the last one (chat_same.h), calls must come in order, and nothing
 * may come after a failure, and all of it is UTF-8. The first two bytes say how: cuts, think tags, and which prompt. */
#include <assert.h>

#include "engine/chat_test.h"
#include "engine/marks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct watch {
	struct seen seen;
	int begun; /* calls */
	struct buf marks;
};

static void watch_event(void *ctx, const struct model_event *ev)
{
	struct watch *w = ctx;
	assert(utf8_valid(ev->text) && utf8_valid(ev->name) && utf8_valid(ev->logprobs));
	if (ev->kind == ME_CALL_BEGIN)
		assert(ev->index == w->begun++ && ev->name.n);
	else if (ev->kind == ME_CALL_ARGS)
		assert(ev->index < w->begun && ev->text.n);
	if (ev->kind == ME_MARKS)
		json_piece(&w->marks, ev->text);
	if (ev->marks.n)
		json_piece(&w->marks, ev->marks);
	seen_event(&w->seen, ev);
}

static bool run(struct str in, size_t piece, const struct prompt *p, const struct chat_options *o, bool parse_all,
		struct buf *out)
{
	struct arena a = {0};
	struct err e = {0};
	struct watch w = {.seen = {.kind = -1, .logprobs = true}};
	enum finish finish = FINISH_STOP;
	struct usage u = {0};
	bool ok = true;
	buf_init(&w.seen.b, 8 << 20);
	buf_init(&w.marks, 8 << 20);
	struct chat_stream *s = chat_stream_new(&a, p, o, watch_event, &w);
	if (parse_all)
		chat_stream_parse_all(s);
	for (size_t at = 0; ok && at < in.n; at += piece)
		ok = chat_stream_feed(s, (struct str){in.p + at, piece < in.n - at ? piece : in.n - at}, &e);
	ok = ok && chat_stream_end(s, &finish, &u, &e);
	assert(ok == (e.code == ERR_NONE));
	assert(!ok || (u.input >= 0 && u.output >= 0 && u.reasoning <= u.output));
	buf_fmt(&w.seen.b, "|%d %d %d %s", ok, (int)finish, (int)u.output, e.msg);
	buf_add(&w.seen.b, S("|"));
	assert(json_sum(&(struct jout){.b = &w.seen.b}, buf_str(&w.marks)));
	buf_add(out, buf_str(&w.seen.b));
	buf_release(&w.marks);
	buf_release(&w.seen.b);
	arena_free(&a);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct think_tags tags = {STR("<t>"), STR("</t>"), false},
				       starts = {STR("<t>"), STR("</t>"), true};
	static const struct think_tags *const thinks[] = {NULL, NULL, &tags, &starts};
	static const char *const requests[] = {
	    "\"input\":\"x\"",
	    "\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":false,\"parameters\":null},"
	    "{\"type\":\"function\",\"name\":\"g\",\"strict\":false,\"parameters\":null}]",
	    "\"input\":\"x\",\"parallel_tool_calls\":false,\"tool_choice\":\"required\",\"tools\":[{\"type\":"
	    "\"function\",\"name\":"
	    "\"f\",\"strict\":false,\"parameters\":null}]",
	    "\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\",\"schema\":{\"type\":"
	    "\"object\"}}},"
	    "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":false,\"parameters\":null}]",
	    "\"input\":\"x\",\"text\":{\"format\":{\"type\":\"json_object\"}}",
	    "\"input\":\"x\",\"tool_choice\":\"none\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":"
	    "false,"
	    "\"parameters\":null}]",
	    "\"input\":\"x\",\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"},\"tools\":[{\"type\":\"function\","
	    "\"name\":"
	    "\"f\",\"strict\":false,\"parameters\":null},{\"type\":\"function\",\"name\":\"g\",\"strict\":false,"
	    "\"parameters\":"
	    "null}]",
	};
	if (size < 2)
		return 0;
	struct arena a = {0};
	struct engine_caps caps = test_caps(data[0] & 4 ? "sr" : "tpsr");
	struct chat_options o = {.caps = &caps, .model = S("m"), .slot = -1, .think = thinks[data[1] & 3]};
	struct prompt p;
	struct err e;
	struct str in = {(const char *)data + 2, size - 2};
	struct buf whole, cut;
	buf_init(&whole, 16 << 20);
	buf_init(&cut, 16 << 20);
	bool ok = test_prompt(&a, requests[(data[1] >> 2) % (sizeof requests / sizeof *requests)], &p, &e);
	assert(ok);
	run(in, in.n + 1, &p, &o, true, &whole);
	run(in, (size_t)(data[0] >> 3) + 1, &p, &o, false, &cut);
	assert(str_eq(buf_str(&whole), buf_str(&cut)));
	buf_release(&whole);
	buf_release(&cut);
	arena_free(&a);
	return 0;
}
