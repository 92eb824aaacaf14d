/* chat_web_ask.c - a chat completion's request, said again as one of POST /v1/responses. Its shape was checked before. */
#include "chat/chat_web_ask.h"

enum { ASK_MOST = 1 << 30 };

static bool ask_is(yyjson_val *v, struct str word)
{
	return str_eq(json_str(v), word);
}

/* `key` of `from`, under another name; nothing where it is missing or null. */
static void ask_member_as(struct jout *o, yyjson_val *from, struct str key, struct str as)
{
	yyjson_val *v = json_get(from, key);
	if (!v || yyjson_is_null(v))
		return;
	jo_key(o, as);
	jo_val(o, v);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static void ask_part(struct jout *o, yyjson_val *part, bool assistant)
{
	yyjson_val *type = json_get(part, S("type")), *image = json_get(part, S("image_url")), *file = json_get(part, S("file"));
	jo_obj(o);
	if (ask_is(type, S("image_url"))) {
		jo_kstr(o, "type", S("input_image"));
		ask_member_as(o, image, S("url"), S("image_url"));
		jo_member(o, image, S("detail"));
	} else if (ask_is(type, S("file"))) {
		jo_kstr(o, "type", S("input_file"));
		jo_member(o, file, S("filename"));
		jo_member(o, file, S("file_data"));
		jo_member(o, file, S("file_id"));
	} else if (ask_is(type, S("input_audio"))) {
		jo_kstr(o, "type", S("input_audio"));
		jo_member(o, part, S("input_audio"));
	} else {
		bool refusal = ask_is(type, S("refusal"));
		jo_kstr(o, "type", refusal ? S("refusal") : assistant ? S("output_text") : S("input_text"));
		jo_member(o, part, refusal ? S("refusal") : S("text"));
	}
	jo_obj_end(o);
}

static void ask_content(struct jout *o, struct str key, yyjson_val *content, bool assistant)
{
	yyjson_val *part;
	size_t i, max;
	jo_key(o, key);
	if (!yyjson_is_arr(content)) {
		jo_val(o, content);
		return;
	}
	jo_arr(o);
	yyjson_arr_foreach(content, i, max, part)
	{
		ask_part(o, part, assistant);
	}
	jo_arr_end(o);
}

static void ask_call(struct jout *o, yyjson_val *call)
{
	yyjson_val *type = json_get(call, S("type")), *called = json_get(call, json_str(type));
	bool custom = ask_is(type, S("custom"));
	jo_obj(o);
	jo_kstr(o, "type", custom ? S("custom_tool_call") : S("function_call"));
	ask_member_as(o, call, S("id"), S("call_id"));
	jo_member(o, called, S("name"));
	jo_member(o, called, custom ? S("input") : S("arguments"));
	jo_obj_end(o);
}

static void ask_assistant(struct jout *o, yyjson_val *m)
{
	yyjson_val *content = json_get(m, S("content")), *thoughts = json_get(m, S("reasoning_content")), *call;
	size_t i, max;
	if (!yyjson_is_str(thoughts))
		thoughts = json_get(m, S("reasoning"));
	if (yyjson_get_len(thoughts)) {
		jo_obj(o);
		jo_kstr(o, "type", S("reasoning"));
		jo_kraw(o, "summary", S("[]"));
		jo_key(o, S("content"));
		jo_arr(o);
		jo_obj(o);
		jo_kstr(o, "type", S("reasoning_text"));
		jo_key(o, S("text"));
		jo_val(o, thoughts);
		jo_obj_end(o);
		jo_arr_end(o);
		jo_obj_end(o);
	}
	if (!yyjson_is_str(content) && !yyjson_is_arr(content))
		content = json_get(m, S("refusal"));
	if (content && !yyjson_is_null(content)) {
		jo_obj(o);
		jo_kstr(o, "role", S("assistant"));
		ask_content(o, S("content"), content, true);
		jo_obj_end(o);
	}
	yyjson_arr_foreach(json_get(m, S("tool_calls")), i, max, call)
	{
		ask_call(o, call);
	}
}

/* Is it a custom tool that was called so? */
static bool ask_custom_id(yyjson_val *messages, struct str id)
{
	size_t i, max, k, kmax;
	yyjson_val *m, *call;
	bool custom = false;
	yyjson_arr_foreach(messages, i, max, m)
	{
		yyjson_arr_foreach(json_get(m, S("tool_calls")), k, kmax, call)
		{
			if (str_eq(json_str(json_get(call, S("id"))), id))
				custom = ask_is(json_get(call, S("type")), S("custom"));
		}
	}
	return custom;
}

static void ask_messages(struct jout *o, yyjson_val *messages)
{
	size_t i, max;
	yyjson_val *m;
	jo_key(o, S("input"));
	jo_arr(o);
	yyjson_arr_foreach(messages, i, max, m)
	{
		struct str role = json_str(json_get(m, S("role"))), id = json_str(json_get(m, S("tool_call_id")));
		if (str_eq(role, S("assistant"))) {
			ask_assistant(o, m);
			continue;
		}
		bool result = str_eq(role, S("tool"));
		jo_obj(o);
		if (result) {
			jo_kstr(o, "type", ask_custom_id(messages, id) ? S("custom_tool_call_output") : S("function_call_output"));
			jo_kstr(o, "call_id", id);
		} else {
			jo_kstr(o, "role", role);
		}
		ask_content(o, result ? S("output") : S("content"), json_get(m, S("content")), false);
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

/* --- tools -------------------------------------------------------------------------------------------------------- */

/* A custom tool's format, its grammar one level up. */
static void ask_format(struct jout *o, yyjson_val *format)
{
	yyjson_val *grammar = json_get(format, S("grammar"));
	if (!yyjson_is_obj(format))
		return;
	jo_key(o, S("format"));
	jo_obj(o);
	jo_member(o, format, S("type"));
	jo_member(o, grammar, S("syntax"));
	jo_member(o, grammar, S("definition"));
	jo_obj_end(o);
}

static void ask_tool(struct jout *o, yyjson_val *tool)
{
	struct str type = json_str(json_get(tool, S("type")));
	yyjson_val *v = json_get(tool, type);
	jo_obj(o);
	jo_kstr(o, "type", type);
	jo_member(o, v, S("name"));
	jo_member(o, v, S("description"));
	if (str_eq(type, S("custom"))) {
		ask_format(o, json_get(v, S("format")));
	} else {
		jo_member_or_null(o, v, S("parameters"));
		jo_kbool(o, "strict", yyjson_is_true(json_get(v, S("strict"))));
	}
	jo_obj_end(o);
}

/* `type` and `name` of a choice, or of a tool that is allowed. */
static void ask_named(struct jout *o, yyjson_val *choice)
{
	struct str type = json_str(json_get(choice, S("type")));
	jo_obj(o);
	jo_kstr(o, "type", type);
	jo_member(o, json_get(choice, type), S("name"));
	jo_obj_end(o);
}

static void ask_allowed(struct jout *o, yyjson_val *allowed)
{
	size_t i, max;
	yyjson_val *one;
	jo_obj(o);
	jo_kstr(o, "type", S("allowed_tools"));
	jo_member(o, allowed, S("mode"));
	jo_key(o, S("tools"));
	jo_arr(o);
	yyjson_arr_foreach(json_get(allowed, S("tools")), i, max, one)
	{
		ask_named(o, one);
	}
	jo_raw(o, S("{\"type\":\"web_search\"}"));
	jo_arr_end(o);
	jo_obj_end(o);
}

/* The search comes first, unless the client demands a call of its own, or answers one: that it may be about. */
static void ask_choice(struct jout *o, yyjson_val *choice, bool answers)
{
	jo_key(o, S("tool_choice"));
	if (ask_is(choice, S("required")))
		jo_val(o, choice);
	else if (ask_is(json_get(choice, S("type")), S("allowed_tools")))
		ask_allowed(o, json_get(choice, S("allowed_tools")));
	else if (yyjson_is_obj(choice))
		ask_named(o, choice);
	else
		jo_raw(o, answers ? S("\"auto\"") : S("{\"type\":\"web_search\"}"));
}

static void ask_search(struct jout *o, yyjson_val *options)
{
	static const struct str members[] = {STR("country"), STR("region"), STR("city"), STR("timezone")};
	yyjson_val *place = json_get(json_get(options, S("user_location")), S("approximate"));
	jo_obj(o);
	jo_kstr(o, "type", S("web_search"));
	jo_member(o, options, S("search_context_size"));
	if (place) {
		jo_key(o, S("user_location"));
		jo_obj(o);
		jo_kstr(o, "type", S("approximate"));
		for (size_t i = 0; i < sizeof members / sizeof *members; i++)
			jo_member(o, place, members[i]);
		jo_obj_end(o);
	}
	jo_obj_end(o);
}

static void ask_tools(struct jout *o, const struct chat_create *c)
{
	yyjson_val *choice = json_get(c->body, S("tool_choice")), *messages = json_get(c->body, S("messages")), *one;
	bool answers = ask_is(json_get(yyjson_arr_get_last(messages), S("role")), S("tool"));
	size_t i, max;
	jo_key(o, S("tools"));
	jo_arr(o);
	yyjson_arr_foreach(json_get(c->body, S("tools")), i, max, one)
	{
		if (!ask_is(choice, S("none")))
			ask_tool(o, one);
	}
	ask_search(o, c->search);
	jo_arr_end(o);
	ask_choice(o, choice, answers);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static void ask_text(struct jout *o, const struct chat_create *c)
{
	yyjson_val *format = json_get(c->body, S("response_format")), *schema = json_get(format, S("json_schema"));
	jo_key(o, S("text"));
	jo_obj(o);
	jo_member(o, c->body, S("verbosity"));
	if (yyjson_is_obj(format)) {
		jo_key(o, S("format"));
		jo_obj(o);
		jo_member(o, format, S("type"));
		jo_member(o, schema, S("name"));
		jo_member(o, schema, S("description"));
		jo_member(o, schema, S("schema"));
		if (yyjson_is_obj(schema))
			jo_kbool(o, "strict", yyjson_is_true(json_get(schema, S("strict"))));
		jo_obj_end(o);
	}
	jo_obj_end(o);
	if (!c->prompt.sampling.effort.n)
		return;
	jo_key(o, S("reasoning"));
	jo_obj(o);
	jo_kstr(o, "effort", c->prompt.sampling.effort);
	jo_obj_end(o);
}

/* What has the same name there, and what the engine takes beside (engines[].pass). */
static void ask_same(struct jout *o, const struct chat_create *c, const char *const *pass)
{
	static const char *const same[] = {
	    "model", "temperature", "top_p", "presence_penalty", "frequency_penalty", "top_logprobs", "parallel_tool_calls", "user",
	    "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "service_tier", NULL};
	for (const char *const *key = same; *key; key++)
		jo_member(o, c->body, str_of(*key));
	for (const char *const *key = pass; key && *key; key++)
		if (!chat_takes(str_of(*key)))
			jo_member(o, c->body, str_of(*key));
}

struct str chat_web_ask(struct arena *a, const struct chat_create *c, const char *const *pass)
{
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, ASK_MOST);
	jo_obj(&o);
	ask_same(&o, c, pass);
	ask_messages(&o, json_get(c->body, S("messages")));
	ask_tools(&o, c);
	ask_text(&o, c);
	if (c->prompt.sampling.has_max_output_tokens)
		jo_kint(&o, "max_output_tokens", c->prompt.sampling.max_output_tokens);
	if (c->prompt.logprobs)
		jo_kraw(&o, "include", S("[\"message.output_text.logprobs\"]"));
	jo_kbool(&o, "stream", true);
	jo_kbool(&o, "store", false);
	jo_kraw(&o, "stream_options", S("{\"include_obfuscation\":false}"));
	jo_obj_end(&o);
	struct str body = str_copy(a, buf_str(&b));
	buf_release(&b);
	return body;
}
