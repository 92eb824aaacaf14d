/* tape_answer.c - an answer of a recording as an engine says it. */
#include "tape/tape_answer.h"

static struct str finish_of(const struct tape *t, const struct tape_answer *a)
{
	struct str why = json_str(json_get(json_get(tape_response(t), S("incomplete_details")), S("reason")));
	if (yyjson_arr_size(a->calls))
		return S("tool_calls");
	if (a->last && str_eq(why, S("max_output_tokens")))
		return S("length");
	return a->last && str_eq(why, S("content_filter")) ? S("content_filter") : S("stop");
}

/* Tokens are known of the whole response only: its last answer has them. */
static void put_usage(struct jout *o, const struct tape *t, const struct tape_answer *a)
{
	yyjson_val *u = a->last ? json_get(tape_response(t), S("usage")) : NULL;
	int64_t in = yyjson_get_sint(json_get(u, S("input_tokens"))),
		out = yyjson_get_sint(json_get(u, S("output_tokens")));
	jo_key(o, S("usage"));
	jo_obj(o);
	jo_kint(o, "prompt_tokens", in);
	jo_kint(o, "completion_tokens", out);
	jo_kint(o, "total_tokens", in + out);
	jo_key(o, S("prompt_tokens_details"));
	jo_obj(o);
	jo_kint(o, "cached_tokens",
		yyjson_get_sint(json_get(json_get(u, S("input_tokens_details")), S("cached_tokens"))));
	jo_obj_end(o);
	jo_key(o, S("completion_tokens_details"));
	jo_obj(o);
	jo_kint(o, "reasoning_tokens",
		yyjson_get_sint(json_get(json_get(u, S("output_tokens_details")), S("reasoning_tokens"))));
	jo_obj_end(o);
	jo_obj_end(o);
}

static void begin_object(struct jout *o, const struct tape *t, struct str object)
{
	jo_obj(o);
	jo_kstr(o, "id", S("chatcmpl-replay"));
	jo_kstr(o, "object", object);
	jo_kint(o, "created", (int64_t)yyjson_get_num(json_get(tape_response(t), S("created_at"))));
	jo_kstr(o, "model", tape_model(t));
}

static void put_calls(struct jout *o, const struct tape_answer *a, bool stream)
{
	yyjson_val *one;
	size_t i, n;
	if (!yyjson_arr_size(a->calls))
		return;
	jo_key(o, S("tool_calls"));
	jo_arr(o);
	yyjson_arr_foreach(a->calls, i, n, one)
	{
		struct str arguments = json_str(json_get(one, S("arguments")));
		jo_obj(o);
		if (stream)
			jo_kint(o, "index", (int64_t)i);
		jo_kstr(o, "id", json_str(json_get(one, S("id"))));
		jo_kstr(o, "type", S("function"));
		jo_key(o, S("function"));
		jo_obj(o);
		jo_kstr(o, "name", json_str(json_get(one, S("name"))));
		jo_kstr(o, "arguments", arguments.n ? arguments : S("{}"));
		jo_obj_end(o);
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

static void put_chunk(struct buf *b, const struct tape *t, const struct tape_answer *a, const char *member,
		      struct str text)
{
	struct jout o = {b, false};
	bool calls = str_eq(str_of(member), S("tool_calls")), ends = !*member;
	buf_add(b, S("data: "));
	begin_object(&o, t, S("chat.completion.chunk"));
	jo_key(&o, S("choices"));
	jo_arr(&o);
	jo_obj(&o);
	jo_kint(&o, "index", 0);
	jo_key(&o, S("delta"));
	jo_obj(&o);
	if (calls) {
		put_calls(&o, a, true);
	} else if (!ends) {
		jo_key(&o, str_of(member));
		jo_str(&o, text);
	}
	jo_obj_end(&o);
	jo_key(&o, S("finish_reason"));
	if (ends)
		jo_str(&o, finish_of(t, a));
	else
		jo_null(&o);
	jo_obj_end(&o);
	jo_arr_end(&o);
	if (ends)
		put_usage(&o, t, a);
	jo_obj_end(&o);
	buf_add(b, S("\n\n"));
}

void tape_stream(const struct tape *t, const struct tape_answer *a, struct buf *b)
{
	put_chunk(b, t, a, "role", S("assistant"));
	if (a->reasoning.n)
		put_chunk(b, t, a, "reasoning_content", a->reasoning);
	if (a->content.n)
		put_chunk(b, t, a, "content", a->content);
	if (yyjson_arr_size(a->calls))
		put_chunk(b, t, a, "tool_calls", (struct str){0});
	put_chunk(b, t, a, "", (struct str){0});
	buf_add(b, S("data: [DONE]\n\n"));
}

void tape_whole(const struct tape *t, const struct tape_answer *a, struct buf *b)
{
	struct jout o = {b, false};
	begin_object(&o, t, S("chat.completion"));
	jo_key(&o, S("choices"));
	jo_arr(&o);
	jo_obj(&o);
	jo_kint(&o, "index", 0);
	jo_key(&o, S("message"));
	jo_obj(&o);
	jo_kstr(&o, "role", S("assistant"));
	if (a->reasoning.n)
		jo_kstr(&o, "reasoning_content", a->reasoning);
	jo_kstr(&o, "content", a->content);
	put_calls(&o, a, false);
	jo_obj_end(&o);
	jo_kstr(&o, "finish_reason", finish_of(t, a));
	jo_obj_end(&o);
	jo_arr_end(&o);
	put_usage(&o, t, a);
	jo_obj_end(&o);
}
