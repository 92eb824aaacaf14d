/* chat_request.c - POST /v1/chat/completions: the body, checked and turned into a prompt. */
#include <stdio.h>
#include <string.h>

#include "chat/chat_messages.h"
#include "chat/chat_reader.h"
#include "chat/chat_tools.h"
#include "model/moderation_fields.h"
#include "wire/schema.h"

enum { TOOLS_MAX = 128, MESSAGES_MAX = 65536, STOPS_MAX = 4, ECHO_MAX = 1 << 30 };

static bool chat_request_given(yyjson_val *body, struct str key)
{
	yyjson_val *v = json_get(body, key);
	return v && !yyjson_is_null(v);
}

/* --- members with checks of their own ------------------------------------------------------------------ */

static const char *const tiers[] = {"auto", "default", "fast", "flex", "priority", "scale", NULL};
static const char *const efforts[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max", NULL};
static const char *const verbosities[] = {"low", "medium", "high", NULL};
static const char *const retentions[] = {"in_memory", "in-memory", "24h", NULL};
static const char *const modalities[] = {"text", "audio", NULL};
static const char *const formats[] = {"json_object", "json_schema", "text", NULL};
static const char *const prediction_types[] = {"content", NULL};
static const char *const predicted_part_types[] = {"text", NULL};
static const struct field modality_item = {.kind = F_ENUM, .values = modalities};
static const struct field string_item = {.kind = F_STR};

static const char *const search_sizes[] = {"low", "medium", "high", NULL};
static const char *const location_types[] = {"approximate", NULL};
static const struct field place_fields[] = {
    FIELD_CHECKED("country", F_STR, .nullable = true),
    FIELD_CHECKED("region", F_STR, .nullable = true),
    FIELD_CHECKED("city", F_STR, .nullable = true),
    FIELD_CHECKED("timezone", F_STR, .nullable = true),
    FIELD_END,
};
static const struct field location_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = location_types),
    FIELD_CHECKED("approximate", F_OBJECT, .required = true, .sub = place_fields),
    FIELD_END,
};
static const struct field search_fields[] = {
    FIELD_CHECKED("user_location", F_OBJECT, .nullable = true, .sub = location_fields),
    FIELD_CHECKED("search_context_size", F_ENUM, .nullable = true, .values = search_sizes),
    FIELD_END,
};

static const char *const sounds[] = {"wav", "aac", "mp3", "flac", "opus", "pcm16", NULL};
static const struct field voice_fields[] = {
    FIELD_CHECKED("format", F_ENUM, .required = true, .values = sounds),
    FIELD_CHECKED("voice", F_ANY, .required = true),
    FIELD_END,
};

static bool modalities_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	struct chat_reader *r = ctx;
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(v, i, max, one)
	{
		r->c->speaks |= str_eq(json_str(one), S("audio"));
	}
	return true;
}

static bool n_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	struct chat_reader *r = ctx;
	struct field row = {.kind = F_INT, .min = 1, .max = (double)r->rules->max_choices};
	return field_value(&row, v, path, ctx, e);
}

static bool stop_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field list = {.kind = F_ARRAY, .min = 1, .max = STOPS_MAX, .item = &string_item};
	if (yyjson_is_str(v))
		return true;
	if (!yyjson_is_arr(v))
		return field_type(v, path, "one of a string or array of strings", e);
	return field_value(&list, v, path, ctx, e);
}

static bool bias_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field bias = {.kind = F_NUM, .min = -100, .max = 100};
	size_t i, max;
	yyjson_val *key, *val;
	char place[128], name[64];
	yyjson_obj_foreach(v, i, max, key, val)
	{
		struct str token = json_str(key);
		snprintf(name, sizeof name, "%.*s", FMT(token));
		field_path(place, path, name);
		if (!field_value(&bias, val, place, ctx, e))
			return false;
	}
	return true;
}

static const struct field schema_fields[] = {
    FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = 64, .pattern = "^[a-zA-Z0-9_-]+$"),
    FIELD_CHECKED("schema", F_OBJECT, .required = true),
    FIELD_CHECKED("description", F_STR, .nullable = true),
    FIELD_CHECKED("strict", F_BOOL, .nullable = true),
    FIELD_END,
};
static const struct field format_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = formats),
    FIELD_CHECKED("json_schema", F_OBJECT, .nullable = true, .sub = schema_fields),
    FIELD_END,
};
static const struct field stream_options_fields[] = {
    FIELD_CHECKED("include_usage", F_BOOL, .nullable = true),
    FIELD_CHECKED("include_obfuscation", F_BOOL, .nullable = true),
    FIELD_END,
};
static const struct field predicted_part[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = predicted_part_types),
    FIELD_CHECKED("text", F_STR, .required = true),
    FIELD_END,
};
static bool predicted_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field list = {.kind = F_ARRAY, .min = 1, .max = -1, .sub = predicted_part};
	if (yyjson_is_str(v))
		return true;
	if (!yyjson_is_arr(v))
		return field_type(v, path, "one of a string or array of objects", e);
	return field_value(&list, v, path, ctx, e);
}
static const struct field prediction_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = prediction_types),
    FIELD_CHECKED("content", F_ANY, .required = true, .check = predicted_check),
    FIELD_END,
};
static const struct field cache_options_fields[] = {
    FIELD_CHECKED("mode", F_STR, .nullable = true),
    FIELD_CHECKED("ttl", F_STR, .nullable = true),
    FIELD_END,
};

/* --- the parameters, in the live API's order of checks --------------------------------------------------- */

#define SAMPLING(m, k, ...)                                                                                            \
	{                                                                                                              \
		.name = STR(#m), .kind = (k), .nullable = true,                                                        \
		.at = (int)offsetof(struct chat_create, prompt.sampling.m),                                            \
		.has_at = (int)offsetof(struct chat_create, prompt.sampling.has_##m), __VA_ARGS__                      \
	}
#define PROMPT(wire, m, k, ...)                                                                                        \
	{                                                                                                              \
		.name = STR(wire), .kind = (k), .nullable = true, .at = (int)offsetof(struct chat_create, prompt.m),   \
		__VA_ARGS__                                                                                            \
	}
#define OPTIONAL(wire, k, ...) FIELD_CHECKED(wire, k, .nullable = true, __VA_ARGS__)

static const struct field chat_fields[] = {
    FIELD(struct chat_create, model, F_STR, .required = true),
    FIELD_CHECKED("messages", F_ARRAY, .required = true, .min = 1, .max = MESSAGES_MAX, .item = &chat_message_item),
    OPTIONAL("functions", F_ARRAY, .min = 1, .max = TOOLS_MAX, .item = &chat_function_item),
    OPTIONAL("function_call", F_ANY, .check = chat_function_choice_check),
    OPTIONAL("tools", F_ARRAY, .min = 1, .max = TOOLS_MAX, .item = &chat_tool_item),
    OPTIONAL("tool_choice", F_ANY, .check = chat_choice_check),
    OPTIONAL("parallel_tool_calls", F_BOOL),
    OPTIONAL("response_format", F_OBJECT, .sub = format_fields),
    OPTIONAL("max_completion_tokens", F_INT, .min = 1, .max = -1),
    OPTIONAL("max_tokens", F_INT, .min = 1, .max = -1),
    FIELD(struct chat_create, n, F_INT, .nullable = true, .check = n_check),
    OPTIONAL("stop", F_ANY, .check = stop_check),
    SAMPLING(temperature, F_NUM, .min = 0, .max = 2),
    SAMPLING(top_p, F_NUM, .min = 0, .max = 1),
    SAMPLING(presence_penalty, F_NUM, .min = -2, .max = 2),
    SAMPLING(frequency_penalty, F_NUM, .min = -2, .max = 2),
    OPTIONAL("logit_bias", F_OBJECT, .check = bias_check),
    PROMPT("logprobs", logprobs, F_BOOL),
    SAMPLING(top_logprobs, F_INT, .min = 0, .max = 20),
    OPTIONAL("user", F_STR),
    OPTIONAL("seed", F_INT),
    OPTIONAL("safety_identifier", F_STR, .max = 128),
    OPTIONAL("prompt_cache_options", F_OBJECT, .sub = cache_options_fields),
    PROMPT("prompt_cache_key", cache_key, F_STR),
    OPTIONAL("prompt_cache_retention", F_ENUM, .values = retentions),
    OPTIONAL("service_tier", F_ENUM, .values = tiers),
    FIELD(struct chat_create, stream, F_BOOL, .nullable = true),
    FIELD(struct chat_create, store, F_BOOL, .nullable = true),
    OPTIONAL("metadata", F_MAP, .max = 16, .max_key = 64, .max_val = 512),
    PROMPT("verbosity", verbosity, F_ENUM, .values = verbosities),
    PROMPT("reasoning_effort", sampling.effort, F_ENUM, .values = efforts),
    OPTIONAL("stream_options", F_OBJECT, .sub = stream_options_fields),
    OPTIONAL("modalities", F_ARRAY, .item = &modality_item, .check = modalities_check),
    OPTIONAL("audio", F_OBJECT, .sub = voice_fields),
    OPTIONAL("prediction", F_OBJECT, .sub = prediction_fields),
    OPTIONAL("web_search_options", F_OBJECT, .sub = search_fields),
    OPTIONAL("moderation", F_OBJECT, .sub = moderation_fields),
    FIELD_END,
};

/* --- before and around the table ------------------------------------------------------------------------- */

/* What the live API looks at first; its text for the model has neither param nor code. */
static bool chat_request_check_first(yyjson_val *body, struct err *e)
{
	if (!yyjson_is_obj(body))
		return field_type(body, "", "an object", e);
	if (!chat_request_given(body, S("model")))
		return fail(e, ERR_BAD_REQUEST, NULL, "you must provide a model parameter");
	if (!json_get(body, S("messages")))
		return fail(e, ERR_MISSING_PARAMETER, "messages", "Missing required parameter: 'messages'.");
	return true;
}

/* An unknown key at the top may be one that an engine would take (engines[].pass). */
static bool chat_request_read_table(struct chat_reader *r, struct err *e)
{
	const char *const *pass = r->rules->pass;
	struct err found = {0};
	if (fields_read(chat_fields, r->body, "", pass, r->c, r, &found))
		return true;
	bool deeper = strpbrk(found.param, ".[") != NULL;
	if (found.code == ERR_UNKNOWN_PARAMETER && pass && !deeper)
		return fail(e, found.code, found.param,
			    "%s If the engine '%s' knows it, list it under engines[].pass in the settings.", found.msg,
			    r->rules->engine_name ? r->rules->engine_name : "");
	return fail(e, found.code, found.param[0] ? found.param : NULL, "%s", found.msg);
}

static bool chat_request_check_together(const struct chat_reader *r, struct err *e)
{
	const struct chat_create *c = r->c;
	if (chat_request_given(r->body, S("max_tokens")) && chat_request_given(r->body, S("max_completion_tokens")))
		return fail(e, ERR_PARAMETER_COMBINATION, "max_tokens",
			    "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.");
	if (chat_request_given(r->body, S("functions")) && chat_request_given(r->body, S("tools")))
		return fail(e, ERR_PARAMETER_COMBINATION, "functions",
			    "Setting 'functions' and 'tools' at the same time is not supported.");
	if (chat_request_given(r->body, S("function_call")) && !chat_request_given(r->body, S("functions")))
		return fail(e, ERR_BAD_REQUEST, "function_call",
			    "Invalid value for 'function_call': 'function_call' is only allowed when 'functions' are specified.");
	if (c->speaks && !chat_request_given(r->body, S("audio")))
		return fail(e, ERR_MISSING_PARAMETER, "audio", "Missing required parameter: 'audio'.");
	if (!c->speaks && chat_request_given(r->body, S("audio")))
		return fail(e, ERR_PARAMETER_COMBINATION, "audio",
			    "The 'audio' parameter is only allowed when 'modalities' has 'audio'.");
	if (c->speaks && chat_request_given(r->body, S("moderation")))
		return fail(e, ERR_UNSUPPORTED_PARAMETER, "moderation",
			    "Unsupported parameter: 'moderation' is not supported with 'modalities' that have 'audio'.");
	if (c->speaks && c->store)
		return fail(e, ERR_UNSUPPORTED_PARAMETER, "store",
			    "Unsupported parameter: 'store' is not supported with 'modalities' that have 'audio'.");
	if (c->prompt.sampling.has_top_logprobs && !c->prompt.logprobs)
		return fail(e, ERR_BAD_REQUEST, "top_logprobs",
			    "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.");
	if (chat_request_given(r->body, S("stream_options")) && !c->stream)
		return fail(e, ERR_BAD_REQUEST, "stream_options",
			    "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
	return true;
}

/* With a search the answer is made as a response (chat_web.h), which has no such members; the live search models refuse
 * them, too. */
static bool chat_request_check_search(struct chat_reader *r, struct err *e)
{
	static const char *const others[] = {"functions", "stop", "seed", "logit_bias", NULL};
	struct chat_create *c = r->c;
	const char *other = c->n > 1 ? "n" : c->speaks ? "modalities" : NULL;
	if (!chat_request_given(r->body, S("web_search_options")))
		return true;
	c->search = json_get(r->body, S("web_search_options"));
	for (const char *const *name = others; *name && !other; name++)
		other = chat_request_given(r->body, str_of(*name)) ? *name : NULL;
	return !other || fail(e, ERR_UNSUPPORTED_PARAMETER, other,
			      "Unsupported parameter: '%s' is not supported with 'web_search_options'.", other);
}

static bool take_format(struct chat_reader *r, struct err *e)
{
	yyjson_val *given_format = json_get(r->body, S("response_format")),
		   *v = json_get(given_format, S("json_schema"));
	struct str type = json_str(json_get(given_format, S("type")));
	struct format *f = &r->c->prompt.format;
	if (str_eq(type, S("json_object")))
		f->kind = FORMAT_JSON_OBJECT;
	if (!str_eq(type, S("json_schema")))
		return true;
	if (!yyjson_is_obj(v))
		return fail(e, ERR_MISSING_PARAMETER, "response_format.json_schema",
			    "Missing required parameter: 'response_format.json_schema'.");
	f->kind = FORMAT_JSON_SCHEMA;
	f->name = json_str(json_get(v, S("name")));
	f->description = json_str(json_get(v, S("description")));
	f->schema = json_get(v, S("schema"));
	f->strict = yyjson_is_true(json_get(v, S("strict")));
	return f->strict ? schema_strict(f->schema, ERR_BAD_SCHEMA, "response_format", f->name, e)
			 : schema_sane(f->schema, ERR_BAD_SCHEMA, "response_format", f->name, e);
}

/* --- what goes to the engine as it is, what does not go at all --------------------------------------------- */

bool chat_takes(struct str name)
{
	for (const struct field *f = chat_fields; f->name.p; f++)
		if (str_eq(f->name, name))
			return true;
	return false;
}

static void pass_member(struct chat_reader *r, struct jout *o, struct str key)
{
	yyjson_val *v = json_get(r->body, key);
	if (!v || yyjson_is_null(v))
		return;
	jo_key(o, key);
	jo_val(o, v);
}

/* OpenAI's own sampling keys that the neutral prompt has no member for, then the engine's further ones. */
static void take_passed(struct chat_reader *r)
{
	static const struct str always[] = {STR("stop"), STR("seed"), STR("logit_bias")};
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, ECHO_MAX);
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		pass_member(r, &o, always[i]);
	for (const char *const *key = r->rules->pass; key && *key; key++)
		if (!chat_takes(str_of(*key)))
			pass_member(r, &o, str_of(*key));
	if (b.n)
		r->c->prompt.sampling.pass = str_copy(r->a, buf_str(&b));
	buf_release(&b);
}

static void list_advice(const struct chat_reader *r, struct buf *b, struct str name, const char *const neutral[2])
{
	yyjson_val *v = r->body;
	for (struct str rest = name; v && rest.n;)
		v = json_get(v, str_cut(&rest, '.'));
	if (!v || yyjson_is_null(v))
		return;
	for (int i = 0; i < 2; i++)
		if (neutral[i] && str_eq(json_str(v), str_of(neutral[i])))
			return;
	buf_add(b, b->n ? S(", ") : S(""));
	buf_add(b, name);
}

/* Advice that nobody takes is named, in the header antiphon-not-applied. */
static void take_not_applied(struct chat_reader *r)
{
	static const struct {
		struct str name;
		const char *neutral[2]; /* values that ask for nothing special */
	} rows[] = {
	    {STR("verbosity"), {"medium", NULL}},
	    {STR("reasoning_effort"), {NULL, NULL}},
	    {STR("prediction"), {NULL, NULL}},
	    {STR("user"), {NULL, NULL}},
	    {STR("safety_identifier"), {NULL, NULL}},
	    {STR("prompt_cache_options"), {NULL, NULL}},
	    {STR("prompt_cache_key"), {NULL, NULL}},
	    {STR("prompt_cache_retention"), {NULL, NULL}},
	    {STR("service_tier"), {"auto", "default"}},
	    {STR("moderation.policy.input.mode"), {"score", NULL}},
	    {STR("moderation.policy.output.mode"), {"score", NULL}},
	};
	struct buf b;
	buf_init(&b, 1024);
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
		list_advice(r, &b, rows[k].name, rows[k].neutral);
	yyjson_val *one;
	size_t i, max;
	bool named = false;
	yyjson_arr_foreach(json_get(r->body, S("messages")), i, max, one) named |=
	    yyjson_is_str(json_get(one, S("name")));
	if (named)
		buf_add(&b, b.n ? S(", messages[].name") : S("messages[].name"));
	if (b.n)
		r->c->not_applied = str_copy(r->a, buf_str(&b)).p;
	buf_release(&b);
}

static void chat_request_take_rest(struct chat_reader *r)
{
	struct chat_create *c = r->c;
	struct sampling *s = &c->prompt.sampling;
	yyjson_val *options = json_get(r->body, S("stream_options")),
		   *most = json_get(r->body, S("max_completion_tokens"));
	yyjson_val *metadata = json_get(r->body, S("metadata"));
	if (!most || yyjson_is_null(most))
		most = json_get(r->body, S("max_tokens"));
	s->has_max_output_tokens = yyjson_is_num(most);
	s->max_output_tokens = (int64_t)yyjson_get_num(most);
	c->include_usage = yyjson_is_true(json_get(options, S("include_usage")));
	c->obfuscate = !yyjson_is_false(json_get(options, S("include_obfuscation")));
	if (chat_request_given(r->body, S("moderation")))
		c->moderation = json_get(r->body, S("moderation"));
	if (yyjson_is_obj(metadata))
		c->metadata = json_text(r->a, metadata);
	take_passed(r);
	take_not_applied(r);
}

bool chat_read(struct arena *a, yyjson_val *body, const struct chat_rules *rules, struct chat_create *ret,
	       struct err *e)
{
	struct chat_create c = {.body = body, .n = 1, .prompt = {.parallel = true}};
	struct chat_reader r = {.a = a, .body = body, .rules = rules, .c = &c};
	if (!chat_request_check_first(body, e) || !chat_request_read_table(&r, e) ||
	    !chat_request_check_together(&r, e) || !chat_request_check_search(&r, e) || !chat_take_tools(&r, e) || !take_format(&r, e) ||
	    !chat_take_messages(&r, e))
		return false;
	chat_request_take_rest(&r);
	*ret = c;
	return true;
}
