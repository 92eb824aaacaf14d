/* request.c - POST /v1/responses: the body, checked and normalised. */
#include "model/request.h"

#include <string.h>

#include "model/request_choice.h"
#include "model/request_echo.h"

#include "model/request_format.h"

#include "model/request_tools.h"

#include "model/tool_fields.h"

#include "model/conversation.h"
#include "model/item_show.h"
#include "model/moderation_fields.h"
#include "model/request_parts.h"

enum {
	ECHO_MAX = 1 << 30, /* bytes; a body is bounded far below */
	ITEMS_MAX = 65536,  /* of `input`: bounds the views kept of them */
	TOOLS_MAX = 128,
	PASS_MAX = 64, /* keys of an engine's `pass` list */
	CONTINUATION_CHARS = 256,
};

/* --- the parameters -------------------------------------------------------------------------------------- */

const char *const include_values[] = {
	"code_interpreter_call.outputs",
	"computer_call_output.output.image_url",
	"file_search_call.results",
	"message.input_image.image_url",
	"message.output_text.logprobs",
	"reasoning.encrypted_content",
	"web_search_call.action.sources",
	"web_search_call.results",
	NULL,
};
static const char *const summaries[] = {"auto", "concise", "detailed", NULL};
static const char *const contexts[] = {"auto", "current_turn", "all_turns", NULL};
static const char *const verbosities[] = {"low", "medium", "high", NULL};
static const char *const truncations[] = {"auto", "disabled", NULL};
static const char *const tiers[] = {"auto", "default", "flex", "scale", "priority", "fast", "ultrafast", NULL};
static const char *const retentions[] = {"in_memory", "in-memory", "24h", NULL};
static const char *const windows[] = {"soonest", "2h", "8h", NULL};
static const char *const cache_modes[] = {"implicit", "explicit", NULL};
static const char *const cache_times[] = {"30m", "12h", NULL};
static const char *const compactions[] = {"compaction", NULL};
static const char *const cyber[] = {"standard", "daybreak_blue", "daybreak_red", NULL};
static const char *const compressions[] = {"auto", "enabled", "disabled", NULL};

static const struct field include_row = {.kind = F_ENUM, .values = include_values};

static const struct field text_fields[] = {
	FIELD_CHECKED("format", F_OBJECT, .nullable = true, .check = format_check),
	FIELD_CHECKED("verbosity", F_ENUM, .nullable = true, .values = verbosities),
	LAST_FIELD,
};
static const struct field reasoning_fields[] = {
	FIELD_CHECKED("effort", F_ENUM, .nullable = true, .values = reasoning_efforts),
	FIELD_CHECKED("summary", F_ENUM, .nullable = true, .values = summaries),
	FIELD_CHECKED("generate_summary", F_ENUM, .nullable = true, .values = summaries),
	FIELD_CHECKED("context", F_ENUM, .nullable = true, .values = contexts),
	FIELD_CHECKED("mode", F_STR, .nullable = true),
	LAST_FIELD,
};
static const struct field stream_options_fields[] = {
	FIELD_CHECKED("include_obfuscation", F_BOOL, .nullable = true),
	LAST_FIELD,
};
static const struct field background_fields[] = {
	FIELD_CHECKED("completion_window", F_ENUM, .nullable = true, .values = windows),
	FIELD_CHECKED("continuation_id", F_STR, .nullable = true, .max = CONTINUATION_CHARS),
	LAST_FIELD,
};
static const struct field cache_options_fields[] = {
	FIELD_CHECKED("mode", F_ENUM, .nullable = true, .values = cache_modes),
	FIELD_CHECKED("ttl", F_ENUM, .nullable = true, .values = cache_times),
	FIELD_CHECKED("prewarm", F_BOOL, .nullable = true),
	FIELD_CHECKED("comparison_response_id", F_STR, .nullable = true),
	LAST_FIELD,
};
static const struct field management_fields[] = {
	FIELD_CHECKED("type", F_ENUM, .required = true, .values = compactions),
	FIELD_CHECKED("compact_threshold", F_INT, .nullable = true, .min = 1000, .max = -1),
	LAST_FIELD,
};
static bool prompt_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field fields[] = {
		FIELD_CHECKED("id", F_STR, .required = true),
		FIELD_CHECKED("version", F_STR, .nullable = true),
		FIELD_CHECKED("variables", F_OBJECT, .nullable = true),
		LAST_FIELD,
	};
	static const char *const filled[] = {"items", NULL};
	const struct reader *r = ctx;
	return fields_read(fields, v, path, r->filled ? filled : NULL, NULL, ctx, e);
}
static const struct field conversation_fields[] = {
	FIELD_CHECKED("id", F_STR, .required = true),
	LAST_FIELD,
};
static const struct field access_fields[] = {
	FIELD_CHECKED("cyber", F_ENUM, .nullable = true, .values = cyber),
	LAST_FIELD,
};
static const struct field image_fields[] = {
	FIELD_CHECKED("context_compression", F_ENUM, .nullable = true, .values = compressions),
	LAST_FIELD,
};

/* Of the beta with several agents; what is not enabled is taken, since it asks for nothing. */
static const struct field multi_agent_fields[] = {
	FIELD_CHECKED("enabled", F_BOOL, .required = true),
	FIELD_CHECKED("max_concurrent_subagents", F_INT, .nullable = true, .min = 1, .max = -1),
	LAST_FIELD,
};

static field_check request_input_check;
static bool conversation_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	struct reader *r = ctx;
	if (!yyjson_is_str(v) && !yyjson_is_obj(v))
		return field_type(v, path, "one of an object or string", e);
	if (yyjson_is_obj(v) && !fields_read(conversation_fields, v, path, NULL, NULL, ctx, e))
		return false;
	struct str id = json_str(yyjson_is_obj(v) ? json_get(v, S("id")) : v);
	r->c->conversation = id;
	return str_starts(id, S("conv")) ||
	       fail(e, ERR_INVALID_VALUE, yyjson_is_obj(v) ? "conversation.id" : "conversation",
		    "Invalid '%s': '%.*s'. Expected an ID that begins with 'conv'.",
		    yyjson_is_obj(v) ? "conversation.id" : "conversation", (int)(id.n < 64 ? id.n : 64), id.p);
}

#define SAMPLING(m, k, ...)                                                              \
	{                                                                                \
		.name = STR(#m), .kind = (k), .nullable = true,                          \
		.at = (int)offsetof(struct create, sampling.m),                          \
		.has_at = (int)offsetof(struct create, sampling.has_##m), __VA_ARGS__    \
	}

/* In the live API's order of checks, as recorded. */
static const struct field create_fields[] = {
	FIELD(struct create, model, F_STR, .required = true),
	FIELD_CHECKED("input", F_ANY, .nullable = true, .check = request_input_check),
	FIELD(struct create, previous_response_id, F_STR, .nullable = true),
	FIELD_CHECKED("prompt", F_OBJECT, .nullable = true, .check = prompt_check),
	FIELD_CHECKED("moderation", F_OBJECT, .nullable = true, .sub = moderation_fields),
	FIELD_CHECKED("include", F_ARRAY, .nullable = true, .item = &include_row),
	FIELD_CHECKED("tools", F_ARRAY, .nullable = true, .max = TOOLS_MAX, .item = &tool_field),
	FIELD_CHECKED("tool_choice", F_ANY, .nullable = true, .check = tool_choice_check),
	FIELD_CHECKED("metadata", F_MAP, .nullable = true, .max = 16, .max_key = 64, .max_val = 512),
	FIELD_CHECKED("text", F_OBJECT, .nullable = true, .sub = text_fields),
	SAMPLING(temperature, F_NUM, .min = 0, .max = 2),
	SAMPLING(top_p, F_NUM, .min = 0, .max = 1),
	SAMPLING(presence_penalty, F_NUM, .min = -2, .max = 2),
	SAMPLING(frequency_penalty, F_NUM, .min = -2, .max = 2),
	FIELD(struct create, parallel_tool_calls, F_BOOL, .nullable = true),
	FIELD(struct create, stream, F_BOOL, .nullable = true),
	FIELD_CHECKED("stream_options", F_OBJECT, .nullable = true, .sub = stream_options_fields),
	FIELD(struct create, background, F_BOOL, .nullable = true),
	FIELD_CHECKED("background_options", F_OBJECT, .nullable = true, .sub = background_fields),
	SAMPLING(max_output_tokens, F_INT, .min = 16, .max = -1),
	FIELD(struct create, max_tool_calls, F_INT, .nullable = true, .min = 1, .max = -1),
	FIELD_CHECKED("reasoning", F_OBJECT, .nullable = true, .sub = reasoning_fields),
	FIELD_CHECKED("user", F_STR, .nullable = true),
	FIELD_CHECKED("safety_identifier", F_STR, .nullable = true, .max = 128),
	FIELD_CHECKED("prompt_cache_options", F_OBJECT, .nullable = true, .sub = cache_options_fields),
	FIELD(struct create, prompt_cache_key, F_STR, .nullable = true, .max = 64),
	FIELD_CHECKED("prompt_cache_retention", F_ENUM, .nullable = true, .values = retentions),
	FIELD_CHECKED("truncation", F_ENUM, .nullable = true, .values = truncations),
	FIELD(struct create, instructions, F_STR, .nullable = true, .max = TEXT_MAX),
	FIELD(struct create, store, F_BOOL, .nullable = true),
	FIELD_CHECKED("service_tier", F_ENUM, .nullable = true, .values = tiers),
	SAMPLING(top_logprobs, F_INT, .min = 0, .max = 20),
	FIELD_CHECKED("context_management", F_ARRAY, .nullable = true, .min = 1, .max = -1, .sub = management_fields),
	FIELD_CHECKED("conversation", F_ANY, .nullable = true, .check = conversation_check),
	FIELD_CHECKED("access_programs", F_OBJECT, .nullable = true, .sub = access_fields),
	FIELD_CHECKED("image", F_OBJECT, .nullable = true, .sub = image_fields),
	FIELD_CHECKED("multi_agent", F_OBJECT, .nullable = true, .sub = multi_agent_fields),
	LAST_FIELD,
};

static const struct field count_rows[] = {FIELD_CHECKED("personality", F_STR, .nullable = true, .max = 64), LAST_FIELD};
static const struct field template_rows[] = {FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = 256), LAST_FIELD};
static const struct field version_rows[] = {FIELD_CHECKED("is_default", F_BOOL, .nullable = true), LAST_FIELD};

/* The members of the other bodies, as OpenAI's OpenAPI file has them. */
static const char *const count_members[] = {
	"model", "input", "previous_response_id", "tools", "tool_choice", "text", "parallel_tool_calls",
	"reasoning", "truncation", "instructions", "conversation", NULL,
};
static const char *const compact_members[] = {
	"model", "input", "previous_response_id", "prompt_cache_options", "prompt_cache_key",
	"prompt_cache_retention", "instructions", "service_tier", "image", NULL,
};

#define TEMPLATE_MEMBERS                                                                                               \
	"model", "input", "include", "tools", "tool_choice", "text", "temperature", "top_p", "presence_penalty",       \
		"frequency_penalty", "parallel_tool_calls", "max_output_tokens", "max_tool_calls", "reasoning",        \
		"truncation", "instructions", "top_logprobs"
static const char *const template_members[] = {TEMPLATE_MEMBERS, "metadata", NULL};
static const char *const version_members[] = {TEMPLATE_MEMBERS, NULL};

static const struct kind_row {
	const char *const *members; /* NULL: all */
	const struct field *more;   /* rows of its own; NULL: none */
	bool model_optional;
} kind_rows[] = {
	[REQUEST_CREATE] = {NULL, NULL, false},
	[REQUEST_COUNT] = {count_members, count_rows, true},
	[REQUEST_COMPACT] = {compact_members, NULL, false},
	[REQUEST_TEMPLATE] = {template_members, template_rows, true},
	[REQUEST_TEMPLATE_VERSION] = {version_members, version_rows, true},
};

static bool request_listed(const char *const *names, struct str name)
{
	for (; names && *names; names++)
		if (str_eq(str_of(*names), name))
			return true;
	return false;
}

static const struct field *fields_of(struct arena *a, const struct request_rules *rules)
{
	enum { ROWS = sizeof create_fields / sizeof *create_fields };
	const struct kind_row *kind = &kind_rows[rules->kind];
	if (!kind->members && rules->prompt != RULES_PROMPT_OPEN)
		return create_fields;
	struct field *rows = new_array(a, struct field, ROWS + 1); /* its end stays zero */
	size_t n = 0;
	for (const struct field *f = create_fields; f->name.p; f++)
		if (!kind->members || request_listed(kind->members, f->name))
			rows[n++] = *f;
	if (kind->model_optional || rules->prompt == RULES_PROMPT_OPEN) {
		rows[0].required = false; /* the model */
		rows[0].nullable = true;
	}
	for (const struct field *f = kind->more; f && f->name.p; f++)
		rows[n++] = *f;
	return rows;
}

/* --- the input ------------------------------------------------------------------------------------------- */

/* A string is one user message; its value is made so that everybody after us sees items only. */
static void string_input(struct reader *r, yyjson_val *v)
{
	struct jout o = {.b = &r->out};
	jo_obj(&o);
	jo_kstr(&o, "role", S("user"));
	jo_key(&o, S("content"));
	jo_val(&o, v);
	jo_obj_end(&o);
	r->c->items = new(r->a, struct item);
	r->c->n_items = item_view(r->a, take(r), r->c->items);
}

static bool request_input_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field text = {.kind = F_STR, .max = TEXT_MAX};
	static const struct field list = {.kind = F_ARRAY, .max = ITEMS_MAX};
	struct reader *r = ctx;
	char place[128];
	size_t i, max;
	yyjson_val *one;
	if (yyjson_is_str(v)) {
		if (!field_value(&text, v, path, ctx, e))
			return false;
		string_input(r, v);
		return true;
	}
	if (!yyjson_is_arr(v))
		return field_type(v, path, "one of an array of objects or string", e);
	if (!field_value(&list, v, path, ctx, e))
		return false;
	r->c->items = new_array(r->a, struct item, yyjson_arr_size(v) + 1);
	yyjson_arr_foreach(v, i, max, one)
	{
		field_index(place, path, i);
		if (!item_read(r->a, one, place, &r->c->items[i], e))
			return false;
	}
	r->c->n_items = yyjson_arr_size(v);
	return true;
}

/* --- before the table: what the live API looks at first ---------------------------------------------------- */

static bool request_given(yyjson_val *body, struct str key)
{
	yyjson_val *v = json_get(body, key);
	return v && !yyjson_is_null(v);
}

/* Chat Completions' names for what has another place here. */
static bool check_moved(yyjson_val *body, const char *const *pass, struct err *e)
{
	static const struct {
		const char *name, *now;
	} moved[] = {
		{"messages", "input"},
		{"response_format", "text.format"},
		{"max_tokens", "max_output_tokens"},
		{"max_completion_tokens", "max_output_tokens"},
		{"reasoning_effort", "reasoning.effort"},
		{"verbosity", "text.verbosity"},
		{"functions", "tools"},
		{"function_call", "tool_choice"},
	};
	for (size_t i = 0; i < sizeof moved / sizeof *moved; i++)
		if (json_get(body, str_of(moved[i].name)) && !request_listed(pass, str_of(moved[i].name)))
			return fail(e, ERR_UNSUPPORTED_PARAMETER, moved[i].name,
				    "Unsupported parameter: '%s'. In the Responses API, this parameter has moved to "
				    "'%s'. Try again with the new parameter. See the API documentation for more information: "
				    "https://platform.openai.com/docs/api-reference/responses/create.",
				    moved[i].name, moved[i].now);
	return true;
}

static bool no_input(struct err *e)
{
	return fail(e, ERR_MISSING_PARAMETER, NULL,
		    "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.");
}

/* Codex warms up with tools alone. */
static bool warms_up(yyjson_val *body)
{
	return yyjson_is_false(json_get(body, S("generate"))) ||
	       yyjson_is_true(json_get(json_get(body, S("prompt_cache_options")), S("prewarm")));
}

static bool request_check_first(yyjson_val *body, const struct request_rules *rules, struct err *e)
{
	const char *const *pass = rules->pass;
	if (!yyjson_is_obj(body))
		return field_type(body, "", "an object", e);
	if (kind_rows[rules->kind].model_optional || rules->prompt == RULES_PROMPT_OPEN)
		return check_moved(body, pass, e);
	if (!request_given(body, S("model")))
		return fail(e, ERR_MISSING_PARAMETER, "model", "Missing required parameter: 'model'.");
	if (!check_moved(body, pass, e))
		return false;
	return request_given(body, S("input")) || request_given(body, S("previous_response_id")) ||
	       request_given(body, S("prompt")) || request_given(body, S("conversation")) || warms_up(body) ||
	       no_input(e);
}

/* The table itself. An unknown key at the top may be one that an engine would take (engines[].pass). */
static bool request_read_table(struct reader *r, const struct request_rules *rules, struct err *e)
{
	static const char *const top[] = {
#define TOLERATED(where, key) TOLERATED_##where(key)
#define TOLERATED_TOP(key) key,
#define TOLERATED_ITEM(key)
#define TOLERATED_WEB_SEARCH(key)
#define TOLERATED_CHAT_PART(key)
#define TOLERATED_CHAT_MESSAGE(key)
#define TOLERATED_CHAT_CALL(key)
#define TOLERATED_CHAT_CALLED(key)
#include "model/tolerated.def"
#undef TOLERATED
		NULL,
	};
	static const char *const socket_keys[] = {"type", "stream_id", "generate"};
	enum { SOCKET_KEYS = sizeof socket_keys / sizeof *socket_keys };
	const char *tolerated[sizeof top / sizeof *top + PASS_MAX + SOCKET_KEYS] = {NULL};
	const char *const *pass = rules->pass;
	struct err found = {0};
	size_t n = 0;
	for (const char *const *t = top; *t; t++)
		tolerated[n++] = *t;
	for (size_t i = 0; rules->socket && i < SOCKET_KEYS; i++)
		tolerated[n++] = socket_keys[i];
	for (size_t i = 0; pass && pass[i] && i < PASS_MAX; i++)
		tolerated[n++] = pass[i];
	if (fields_read(fields_of(r->a, rules), r->body, "", tolerated, r->c, r, &found))
		return true;
	if (found.code != ERR_UNKNOWN_PARAMETER || !pass || strpbrk(found.param, ".["))
		return fail(e, found.code, found.param[0] ? found.param : NULL, "%s", found.msg);
	return fail(e, found.code, found.param,
		    "%s If the engine '%s' knows it, list it under engines[].pass in the settings.", found.msg,
		    rules->engine_name ? rules->engine_name : "");
}

/* --- after the table: what members mean together ----------------------------------------------------------- */

static bool check_trigger(const struct reader *r, struct err *e)
{
	for (size_t i = 0; i + 1 < r->c->n_items; i++)
		if (r->c->items[i].type == ITEM_COMPACTION_TRIGGER) {
			char path[128];
			field_index(path, "input", i);
			return fail(e, ERR_INVALID_VALUE, path,
				    "Invalid value: 'compaction_trigger'. It must be the last item of the input.");
		}
	return true;
}

static bool take_socket(struct reader *r, const struct request_rules *rules, struct err *e)
{
	yyjson_val *generate = json_get(r->body, S("generate"));
	if (!rules->socket)
		return true;
	r->c->stream = true;
	return !generate || yyjson_is_bool(generate) || yyjson_is_null(generate) ||
	       field_type(generate, "generate", "a boolean", e);
}

static bool take_window(const struct reader *r, struct err *e)
{
	static const char path[] = "background_options.completion_window";
	yyjson_val *options = json_get(r->body, S("background_options"));
	struct str window = json_str(json_get(options, S("completion_window"))), tier = json_str(json_get(r->body, S("service_tier")));
	r->c->wait = (struct background_wish){
		.window = 3600 * (str_eq(window, S("2h")) ? 2 : str_eq(window, S("8h")) ? 8 : 0),
		.continuation = json_str(json_get(options, S("continuation_id")))};
	const char *needs = !r->c->background                                              ? "'background' set to true"
			    : r->c->stream                                                 ? "'stream' set to false or left out"
			    : tier.p && !str_eq(tier, S("auto")) && !str_eq(tier, S("default")) ? "'service_tier' set to 'auto' or 'default'"
												: NULL;
	return !r->c->wait.window || !needs ||
	       fail(e, ERR_INVALID_VALUE, path, "Invalid value: '%.*s'. The completion windows '2h' and '8h' are only allowed with %s.",
		    FMT(window), needs);
}

static bool request_check_together(const struct reader *r, struct err *e)
{
	struct str previous = r->c->previous_response_id;
	if (request_given(r->body, S("stream_options")) && !r->c->stream)
		return fail(e, ERR_BAD_REQUEST, "stream_options",
			    "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
	if (previous.p && request_given(r->body, S("conversation")))
		return fail(e, ERR_MUTUALLY_EXCLUSIVE, NULL,
			    "Mutually exclusive parameters: ''. Ensure you are only providing one of: "
			    "'previous_response_id' or 'conversation'.");
	if (previous.p && !str_starts(previous, S("resp")))
		return fail(e, ERR_INVALID_VALUE, "previous_response_id",
			    "Invalid 'previous_response_id': '%.*s'. Expected an ID that begins with 'resp'.",
			    (int)(previous.n < 64 ? previous.n : 64), previous.p);
	return take_window(r, e) && check_trigger(r, e);
}

/* later.def; null, false, and what is not enabled ask for nothing. */
static bool check_later(const struct reader *r, struct err *e)
{
	static const struct {
		const char *name, *what;
	} rows[] = {
#define LATER(name, what) {name, what},
#include "model/later.def"
#undef LATER
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		yyjson_val *v = json_get(r->body, str_of(rows[i].name));
		if (v && !yyjson_is_null(v) && !yyjson_is_false(v) && !yyjson_is_false(json_get(v, S("enabled"))))
			return later(e, rows[i].name, rows[i].what);
	}
	return true;
}

static bool included(yyjson_val *body, struct str name)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(json_get(body, S("include")), i, max, one)
		if (str_eq(json_str(one), name))
			return true;
	return false;
}

static void request_take_rest(struct reader *r, const struct request_rules *rules)
{
	struct create *c = r->c;
	size_t i, max;
	yyjson_val *one;
	yyjson_val *reasoning = json_get(r->body, S("reasoning"));
	yyjson_val *obfuscate = json_get(json_get(r->body, S("stream_options")), S("include_obfuscation"));
	struct jout o = {.b = &r->out};
	yyjson_val *management = yyjson_arr_get_first(json_get(r->body, S("context_management")));
	c->compact = management != NULL;
	c->compact_threshold = yyjson_get_sint(json_get(management, S("compact_threshold")));
	c->compact_now = c->n_items && c->items[c->n_items - 1].type == ITEM_COMPACTION_TRIGGER;
	c->input_given = request_given(r->body, S("input"));
	if (warms_up(r->body))
		c->generate = false;
	/* As live: a background stream has none unless it is asked for. */
	c->obfuscate = c->background ? yyjson_is_true(obfuscate) : !yyjson_is_false(obfuscate);
	c->truncation_auto = str_eq(json_str(json_get(r->body, S("truncation"))), S("auto"));
	c->include_logprobs = included(r->body, S("message.output_text.logprobs"));
	c->include_encrypted = included(r->body, S("reasoning.encrypted_content"));
	c->include_image_url = included(r->body, S("message.input_image.image_url"));
	yyjson_arr_foreach(json_get(r->body, S("include")), i, max, one)
		c->show |= item_show_bit(json_str(one));
	c->sampling.effort = json_str(json_get(reasoning, S("effort")));
	c->reasoning_all = str_eq(json_str(json_get(reasoning, S("context"))), S("all_turns"));
	c->summary = json_str(json_get(reasoning, S("summary")));
	if (!c->summary.p)
		c->summary = json_str(json_get(reasoning, S("generate_summary")));
	for (const char *const *key = rules->pass; key && *key; key++) {
		yyjson_val *v = json_get(r->body, str_of(*key));
		if (!v)
			continue;
		jo_key(&o, str_of(*key));
		jo_val(&o, v);
	}
	if (r->out.n)
		c->sampling.pass = take(r);
}

/* The messages of a template that was filled in. */
static bool take_template(struct reader *r, struct err *e)
{
	yyjson_val *items = json_get(json_get(r->body, S("prompt")), S("items")), *one;
	size_t i, max;
	if (!r->filled)
		return true;
	r->c->template = new_array(r->a, struct item, yyjson_arr_size(items) + 1);
	yyjson_arr_foreach(items, i, max, one)
	{
		if (!item_read(r->a, one, "prompt", &r->c->template[i], e))
			return false;
	}
	r->c->n_template = yyjson_arr_size(items);
	return true;
}

static bool request_read_all(struct reader *r, const struct request_rules *rules, struct err *e)
{
	if (!request_check_first(r->body, rules, e) || !request_read_table(r, rules, e) || !take_socket(r, rules, e) ||
	    !request_check_together(r, e) || !check_later(r, e))
		return false;
	if (rules->prompt == RULES_PROMPT_OPEN)
		return true;
	if (!take_template(r, e) || !tools_take(r, e) || !choice_take(r, e) || !text_take(r, e))
		return false;
	request_take_rest(r, rules);
	if (r->c->n_items == 0 && !r->c->previous_response_id.p && !r->c->conversation.p && !r->filled &&
	    r->c->generate && !kind_rows[rules->kind].model_optional)
		return no_input(e);
	echo_take(r);
	return true;
}

bool create_read(struct arena *a, yyjson_val *body, const struct request_rules *rules, struct create *ret,
                 struct err *e)
{
	struct create c = {.parallel_tool_calls = true, .store = true, .obfuscate = true, .generate = true};
	static const struct request_rules plain;
	rules = rules ? rules : &plain;
	struct reader r = {.a = a, .body = body, .c = &c, .filled = rules->prompt == RULES_PROMPT_FILLED};
	buf_init(&r.out, ECHO_MAX);
	bool read = request_read_all(&r, rules, e);
	buf_release(&r.out);
	if (read)
		*ret = c;
	return read;
}
