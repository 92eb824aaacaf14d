/* chat_messages.c - a chat completions request's `messages`. */
#include <string.h>

#include "base/map.h"
#include "chat/chat_reader.h"
#include "chat/chat_tools.h"
#include "engine/marks.h"

enum { CALLS_MAX = 128 };

/* --- shapes -------------------------------------------------------------------------------------------- */

static const char *const roles[] = {"system", "assistant", "user", "function", "tool", "developer", NULL};
static const char *const call_types[] = {"function", "custom", NULL};
static const char *const part_types[] = {"text", "image_url", "input_audio", "refusal", "audio", "file", NULL};
static const char *const details[] = {"auto", "low", "high", NULL};
static const char *const audio_formats[] = {"wav", "mp3", NULL};
static const char *const breakpoints[] = {"explicit", NULL};

static const struct field image_fields[] = {
    FIELD_CHECKED("url", F_STR, .required = true),
    FIELD_CHECKED("detail", F_ENUM, .nullable = true, .values = details),
    FIELD_END,
};
static const struct field audio_fields[] = {
    FIELD_CHECKED("data", F_STR, .required = true),
    FIELD_CHECKED("format", F_ENUM, .required = true, .values = audio_formats),
    FIELD_END,
};
static const struct field file_fields[] = {
    FIELD_CHECKED("filename", F_STR, .nullable = true),
    FIELD_CHECKED("file_data", F_STR, .nullable = true),
    FIELD_CHECKED("file_id", F_STR, .nullable = true),
    FIELD_END,
};
static const struct field breakpoint_fields[] = {
    FIELD_CHECKED("mode", F_ENUM, .required = true, .values = breakpoints),
    FIELD_END,
};
/* Tables that take what tolerated.def lists for their place: each names its own, and no other. */
#define TOLERATED_TOP(key)
#define TOLERATED_ITEM(key)
#define TOLERATED_WEB_SEARCH(key)
#define TOLERATED_CHAT_MESSAGE(key)
#define TOLERATED_CHAT_CALL(key)
#define TOLERATED_CHAT_CALLED(key)

static const struct field part_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = part_types),
    FIELD_CHECKED("text", F_STR),
    FIELD_CHECKED("image_url", F_OBJECT, .sub = image_fields),
    FIELD_CHECKED("input_audio", F_OBJECT, .sub = audio_fields),
    FIELD_CHECKED("refusal", F_STR),
    FIELD_CHECKED("file", F_OBJECT, .sub = file_fields),
    FIELD_CHECKED("prompt_cache_breakpoint", F_OBJECT, .nullable = true, .sub = breakpoint_fields),
#define TOLERATED(chat_messages_where, key) TOLERATED_##chat_messages_where(key)
#define TOLERATED_CHAT_PART(key) FIELD_CHECKED(key, F_ANY, .nullable = true),
#include "model/tolerated.def"
#undef TOLERATED
#undef TOLERATED_CHAT_PART
#define TOLERATED_CHAT_PART(key)
    FIELD_END,
};
static const struct field parts = {.kind = F_ARRAY, .min = 1, .max = -1, .sub = part_fields};

static bool content_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	if (yyjson_is_str(v))
		return true;
	if (!yyjson_is_arr(v))
		return field_type(v, path, "one of a string or array of objects", e);
	return field_value(&parts, v, path, ctx, e);
}

/* What an engine signed, as clients were given it. */
#define MARK(name, places) FIELD_CHECKED(name, F_ANY, .nullable = true),
#undef TOLERATED_CHAT_CALLED
static const struct field called_fields[] = {
    FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = -1),
    FIELD_CHECKED("arguments", F_STR, .required = true),
#define TOLERATED(chat_messages_where, key) TOLERATED_##chat_messages_where(key)
#define TOLERATED_CHAT_CALLED(key) FIELD_CHECKED(key, F_ANY, .nullable = true),
#include "model/tolerated.def"
#undef TOLERATED
#undef TOLERATED_CHAT_CALLED
#define TOLERATED_CHAT_CALLED(key)
#include "engine/marks.def"
    FIELD_END,
};
static const struct field custom_called_fields[] = {
    FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = -1),
    FIELD_CHECKED("input", F_STR, .required = true),
#include "engine/marks.def"
    FIELD_END,
};
#undef TOLERATED_CHAT_CALL
static const struct field call_fields[] = {
    FIELD_CHECKED("id", F_STR, .required = true),
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = call_types),
    FIELD_CHECKED("function", F_OBJECT, .sub = called_fields),
    FIELD_CHECKED("custom", F_OBJECT, .sub = custom_called_fields),
#include "engine/marks.def"
#define TOLERATED(chat_messages_where, key) TOLERATED_##chat_messages_where(key)
#define TOLERATED_CHAT_CALL(key) FIELD_CHECKED(key, F_ANY, .nullable = true),
#include "model/tolerated.def"
#undef TOLERATED
#undef TOLERATED_CHAT_CALL
#define TOLERATED_CHAT_CALL(key)
    FIELD_END,
};
/* One table for all roles: as live, members of another role are let be. The last two are what other servers
 * call an assistant's thoughts; clients send them back. */
#undef TOLERATED_CHAT_MESSAGE
static const struct field message_fields[] = {
    FIELD_CHECKED("role", F_ENUM, .required = true, .values = roles),
    FIELD_CHECKED("content", F_ANY, .nullable = true, .check = content_check),
    FIELD_CHECKED("name", F_STR, .nullable = true),
    FIELD_CHECKED("refusal", F_STR, .nullable = true),
    FIELD_CHECKED("tool_calls", F_ARRAY, .nullable = true, .min = 1, .max = CALLS_MAX, .sub = call_fields),
    FIELD_CHECKED("tool_call_id", F_STR, .nullable = true),
    FIELD_CHECKED("function_call", F_OBJECT, .nullable = true, .sub = called_fields),
    FIELD_CHECKED("audio", F_OBJECT, .nullable = true),
    FIELD_CHECKED("annotations", F_ARRAY, .nullable = true),
    FIELD_CHECKED("reasoning_content", F_STR, .nullable = true),
    FIELD_CHECKED("reasoning", F_STR, .nullable = true),
#include "engine/marks.def"
#define TOLERATED(chat_messages_where, key) TOLERATED_##chat_messages_where(key)
#define TOLERATED_CHAT_MESSAGE(key) FIELD_CHECKED(key, F_ANY, .nullable = true),
#include "model/tolerated.def"
#undef TOLERATED
#undef TOLERATED_CHAT_MESSAGE
#define TOLERATED_CHAT_MESSAGE(key)
    FIELD_END,
};
#undef MARK
const struct field chat_message_item = {.kind = F_OBJECT, .sub = message_fields};

/* --- content ------------------------------------------------------------------------------------------- */

struct place {
	size_t message, part;
};

static const char *chat_messages_where(struct arena *a, const struct place *at)
{
	return str_fmt(a, "messages[%zu].content[%zu]", at->message, at->part).p;
}

/* The member that a part of this type must have. */
static bool take_member(yyjson_val *part, const char *where_, const char *name, yyjson_val **ret, struct err *e)
{
	char place[128];
	field_path(place, where_, name);
	*ret = json_get(part, str_of(name));
	return *ret || fail(e, ERR_MISSING_PARAMETER, place, "Missing required parameter: '%s'.", place);
}

static bool take_image(yyjson_val *v, struct prompt_part *part, struct err *e)
{
	yyjson_val *image;
	if (!take_member(v, part->where, "image_url", &image, e))
		return false;
	part->text = json_str(json_get(image, S("url")));
	part->from = prompt_from(part->text);
	part->detail = json_str(json_get(image, S("detail")));
	return true;
}

static bool take_audio(yyjson_val *v, struct prompt_part *part, struct err *e)
{
	yyjson_val *audio;
	if (!take_member(v, part->where, "input_audio", &audio, e))
		return false;
	part->text = json_str(json_get(audio, S("data")));
	part->detail = json_str(json_get(audio, S("format")));
	return true;
}

static bool take_file(yyjson_val *v, struct prompt_part *part, struct err *e)
{
	yyjson_val *file;
	char place[128];
	if (!take_member(v, part->where, "file", &file, e))
		return false;
	part->text = json_str(json_get(file, S("file_data")));
	part->detail = json_str(json_get(file, S("filename")));
	if (part->text.p)
		return true;
	part->text = json_str(json_get(file, S("file_id")));
	part->from = FROM_FILE;
	field_path(place, part->where, "file.file_data");
	return part->text.p || fail(e, ERR_MISSING_PARAMETER, place, "Missing required parameter: '%s'.", place);
}

static bool chat_messages_take_text(yyjson_val *v, struct prompt_part *part, struct err *e)
{
	yyjson_val *text;
	if (!take_member(v, part->where, "text", &text, e))
		return false;
	part->text = json_str(text);
	return true;
}

static bool take_refusal(yyjson_val *v, struct prompt_part *part, struct err *e)
{
	yyjson_val *text;
	if (!take_member(v, part->where, "refusal", &text, e))
		return false;
	part->text = json_str(text);
	return true;
}

static const char *const user_parts[] = {"text", "image_url", "input_audio", "file", NULL};
static const char *const assistant_parts[] = {"text", "refusal", NULL};
static const char *const text_parts[] = {"text", NULL};

static bool take_part(struct chat_reader *r, enum role role, yyjson_val *v, const struct place *at,
		      struct prompt_part *part, struct err *e)
{
	static const struct {
		struct str type;
		enum part_kind kind;
		bool (*take)(yyjson_val *, struct prompt_part *, struct err *);
	} rows[] = {
	    {STR("text"), PART_TEXT, chat_messages_take_text},
	    {STR("refusal"), PART_TEXT, take_refusal},
	    {STR("image_url"), PART_IMAGE, take_image},
	    {STR("input_audio"), PART_AUDIO, take_audio},
	    {STR("file"), PART_FILE, take_file},
	};
	const char *const *allowed = role == ROLE_USER        ? user_parts
				     : role == ROLE_ASSISTANT ? assistant_parts
							      : text_parts;
	struct str type = json_str(json_get(v, S("type")));
	char place[128];
	bool known = false;
	part->where = chat_messages_where(r->a, at);
	field_path(place, part->where, "type");
	for (const char *const *t = allowed; *t; t++)
		known |= str_eq(str_of(*t), type);
	if (!known)
		return field_enum(type, place, allowed, e);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (str_eq(rows[i].type, type)) {
			part->kind = rows[i].kind;
			return rows[i].take(v, part, e);
		}
	return true;
}

static bool chat_messages_take_content(struct chat_reader *r, struct prompt_message *m, yyjson_val *content, size_t at,
				       struct err *e)
{
	size_t n = yyjson_arr_size(content);
	yyjson_arr_iter all = yyjson_arr_iter_with(content);
	if (yyjson_is_str(content))
		prompt_add_text(r->a, m, json_str(content));
	if (!n)
		return true;
	m->parts = new_array(r->a, struct prompt_part, n);
	m->n_parts = n;
	for (size_t i = 0; i < n; i++)
		if (!take_part(r, m->role, yyjson_arr_iter_next(&all), &(struct place){at, i}, &m->parts[i], e))
			return false;
	return true;
}

/* --- messages ------------------------------------------------------------------------------------------ */

static bool chat_messages_is_null(yyjson_val *v)
{
	return !v || yyjson_is_null(v);
}

static bool chat_messages_missing(size_t at, const char *member, struct err *e)
{
	char path[128], place[128];
	field_index(path, "messages", at);
	field_path(place, path, member);
	return fail(e, ERR_MISSING_PARAMETER, place, "Missing required parameter: '%s'.", place);
}

/* The live text and place, dotted bracket and all; developer messages have the common one. */
static bool no_content(yyjson_val *v, size_t at, struct err *e)
{
	char place[64];
	if (str_eq(json_str(json_get(v, S("role"))), S("developer")))
		return chat_messages_missing(at, "content", e);
	snprintf(place, sizeof place, "messages.[%zu].content", at);
	return fail(e, ERR_BAD_REQUEST, place, "Invalid value for 'content': expected a string, got null.");
}

/* What the engine signed, as it was given to the client: any engine that is asked gets it back. NULL: nothing. */
static struct origin *chat_messages_take_marks(struct chat_reader *r, yyjson_val *message, yyjson_val *call,
					       yyjson_val *function)
{
	struct buf b;
	struct err ignored = {0};
	struct origin *o = new (r->a, struct origin);
	buf_init(&b, SIZE_MAX / 2);
	*o = (struct origin){0};
	if (marks_read(&b, message, call, function) && b.n)
		json_parse(r->a, str_copy(r->a, buf_str(&b)), &o->marks, &ignored);
	buf_release(&b);
	return o->marks ? o : NULL;
}

static bool take_calls(struct chat_reader *r, struct prompt_message *m, yyjson_val *calls, size_t at, struct err *e)
{
	size_t i, max;
	yyjson_val *one;
	char place[128];
	m->calls = new_array(r->a, struct prompt_call, yyjson_arr_size(calls) + 1);
	yyjson_arr_foreach(calls, i, max, one)
	{
		snprintf(place, sizeof place, "messages[%zu].tool_calls[%zu]", at, i);
		if (!chat_typed_check(one, place, NULL, e))
			return false;
		enum call_kind kind = str_eq(json_str(json_get(one, S("type"))), S("custom")) ? CALL_CUSTOM : CALL_FUNCTION;
		yyjson_val *called = json_get(one, call_rows[kind].tool);
		m->calls[m->n_calls++] = (struct prompt_call){
		    .call_id = json_str(json_get(one, S("id"))),
		    .name = chat_call_name(&r->c->prompt, kind, json_str(json_get(called, S("name")))),
		    .arguments = call_rows[kind].arguments(r->a, called),
		    .origin = chat_messages_take_marks(r, NULL, one, called),
		};
	}
	return true;
}

static struct str function_id(struct chat_reader *r, size_t at)
{
	return str_fmt(r->a, "call_function_%zu", at);
}

static void take_function_call(struct chat_reader *r, struct prompt_message *m, yyjson_val *call, size_t at)
{
	m->calls = new(r->a, struct prompt_call);
	m->calls[m->n_calls++] = (struct prompt_call){.call_id = function_id(r, at), .name = json_str(json_get(call, S("name"))),
	                                              .arguments = json_str(json_get(call, S("arguments")))};
	r->waits = m->calls[0].call_id;
}

static bool take_assistant(struct chat_reader *r, struct prompt_message *m, yyjson_val *v, size_t at, struct err *e)
{
	char path[128], place[128];
	yyjson_val *content = json_get(v, S("content")), *refusal = json_get(v, S("refusal"));
	yyjson_val *calls = json_get(v, S("tool_calls"));
	field_index(path, "messages", at);
	bool spoken = !chat_messages_is_null(json_get(v, S("audio")));
	if (spoken && r->c->speaks) /* only the engine that said it knows what that was */
		return true;
	if (spoken) {
		field_path(place, path, "audio");
		return fail(e, ERR_UNSUPPORTED_PARAMETER, place,
			    "Unsupported parameter: '%s' is an earlier answer with sound, which is only understood where "
			    "'modalities' has 'audio'.",
			    place);
	}
	if (chat_messages_is_null(content) && chat_messages_is_null(refusal) && chat_messages_is_null(calls) &&
	    chat_messages_is_null(json_get(v, S("function_call"))))
		return no_content(v, at, e);
	m->reasoning = json_str(json_get(v, S("reasoning_content")));
	bool other = !m->reasoning.p && json_get(v, S("reasoning"));
	if (other)
		m->reasoning = json_str(json_get(v, S("reasoning")));
	struct origin *origin = chat_messages_take_marks(r, v, NULL, NULL);
	if (!origin && other && m->reasoning.n)
		*(origin = new (r->a, struct origin)) = (struct origin){0};
	if (origin && other)
		origin->thoughts = S("reasoning");
	if (origin)
		prompt_add_origin(r->a, m, origin);
	if (chat_messages_is_null(content) && !chat_messages_is_null(refusal))
		prompt_add_text(r->a, m, json_str(refusal));
	if (!chat_messages_take_content(r, m, content, at, e) || !take_calls(r, m, calls, at, e))
		return false;
	if (!m->n_calls && !chat_messages_is_null(json_get(v, S("function_call"))))
		take_function_call(r, m, json_get(v, S("function_call")), at);
	return true;
}

/* An answer as it was before there were tools: to the call before it, which has no id of its own. A result that stands
 * alone gets its call, so that what the engine reads is whole. */
static bool take_function_result(struct chat_reader *r, yyjson_val *v, size_t at, struct err *e)
{
	struct prompt_message *m;
	struct str name = json_str(json_get(v, S("name")));
	if (!name.p)
		return chat_messages_missing(at, "name", e);
	if (!r->waits.p) {
		m = prompt_add(r->a, &r->c->prompt, ROLE_ASSISTANT);
		m->calls = new(r->a, struct prompt_call);
		m->calls[m->n_calls++] = (struct prompt_call){.call_id = function_id(r, at), .name = name, .arguments = S("{}")};
		r->waits = m->calls[0].call_id;
	}
	m = prompt_add(r->a, &r->c->prompt, ROLE_TOOL);
	m->call_id = r->waits;
	r->waits = (struct str){0};
	if (chat_messages_is_null(json_get(v, S("content"))))
		prompt_add_text(r->a, m, S(""));
	return chat_messages_take_content(r, m, json_get(v, S("content")), at, e);
}

/* Nobody answered the last function_call: that is let be, but engines want an answer. */
static void answer_waiting(struct chat_reader *r)
{
	if (!r->waits.p)
		return;
	struct prompt_message *m = prompt_add(r->a, &r->c->prompt, ROLE_TOOL);
	m->call_id = r->waits;
	prompt_add_text(r->a, m, S(""));
	r->waits = (struct str){0};
}

static bool take_message(struct chat_reader *r, yyjson_val *v, size_t at, struct err *e)
{
	static const struct {
		struct str name;
		enum role role;
	} rows[] = {
	    {STR("system"), ROLE_SYSTEM},       {STR("developer"), ROLE_SYSTEM}, {STR("user"), ROLE_USER},
	    {STR("assistant"), ROLE_ASSISTANT}, {STR("tool"), ROLE_TOOL},
	};
	struct str name = json_str(json_get(v, S("role")));
	size_t i = 0;
	if (str_eq(name, S("function")))
		return take_function_result(r, v, at, e);
	answer_waiting(r);
	while (!str_eq(rows[i].name, name)) /* the table of fields has let no other through */
		i++;
	struct prompt_message *m = prompt_add(r->a, &r->c->prompt, rows[i].role);
	if (m->role == ROLE_ASSISTANT)
		return take_assistant(r, m, v, at, e);
	if (m->role == ROLE_TOOL && !yyjson_is_str(json_get(v, S("tool_call_id"))))
		return chat_messages_missing(at, "tool_call_id", e);
	m->call_id = m->role == ROLE_TOOL ? json_str(json_get(v, S("tool_call_id"))) : (struct str){0};
	if (chat_messages_is_null(json_get(v, S("content"))))
		return no_content(v, at, e);
	return chat_messages_take_content(r, m, json_get(v, S("content")), at, e);
}

/* --- calls and their results ------------------------------------------------------------------------------ */

static bool unanswered(struct chat_reader *r, const struct prompt_message *m, const struct map *answers, struct err *e)
{
	struct buf ids;
	buf_init(&ids, 512);
	for (size_t i = 0; i < m->n_calls; i++)
		if (!map_get(answers, m->calls[i].call_id))
			buf_fmt(&ids, "%s%.*s", ids.n ? ", " : "", FMT(m->calls[i].call_id));
	bool none = ids.n == 0 && !ids.over;
	if (!none)
		fail(e, ERR_BAD_REQUEST, "messages",
		     "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
		     "'tool_call_id'. The following tool_call_ids did not have response messages: %.*s",
		     FMT(buf_str(&ids)));
	buf_release(&ids);
	return none;
}

/* The tool messages behind an assistant's calls answer each of them, and no others stand anywhere. */
static bool check_calls(struct chat_reader *r, struct err *e)
{
	const struct prompt *p = &r->c->prompt;
	char place[64];
	for (size_t i = 0; i < p->n;) {
		const struct prompt_message *m = &p->messages[i++];
		struct map calls = {0}, answers = {0};
		bool ok = true;
		for (size_t k = 0; k < m->n_calls; k++)
			map_put(&calls, m->calls[k].call_id, &m->calls[k]);
		if (m->role == ROLE_TOOL)
			i--;
		for (; ok && i < p->n && p->messages[i].role == ROLE_TOOL; i++) {
			ok = map_get(&calls, p->messages[i].call_id) != NULL;
			map_put(&answers, p->messages[i].call_id, &p->messages[i]);
		}
		snprintf(place, sizeof place, "messages.[%zu].role", i - 1);
		if (!ok)
			fail(e, ERR_BAD_REQUEST, place,
			     "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
			     "with "
			     "'tool_calls'.");
		ok = ok && unanswered(r, m, &answers, e);
		map_release(&calls);
		map_release(&answers);
		if (!ok)
			return false;
	}
	return true;
}

bool chat_take_messages(struct chat_reader *r, struct err *e)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(json_get(r->body, S("messages")), i, max, one) if (!take_message(r, one, i, e)) return false;
	answer_waiting(r);
	return check_calls(r, e);
}
