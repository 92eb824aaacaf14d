/* prompt.c - what is asked of an engine, in neutral form. */
#include "engine/prompt.h"

#include <ctype.h>
#include <string.h>

#include "wire/fields.h"

/* Room for `more` elements; arrays that others made (cap 0) are copied first. */
static void *grown(struct arena *a, void *old, size_t n, size_t more, size_t *cap, size_t size)
{
	if (n + more <= *cap)
		return old;
	size_t want = more > n ? n + more : n * 2; /* most have one; thousands of prompts wait for their engine */
	void *p = arena_alloc(a, want * size);
	if (n)
		memcpy(p, old, n * size);
	*cap = want;
	return p;
}

struct prompt_message *prompt_add(struct arena *a, struct prompt *p, enum role role)
{
	p->messages = grown(a, p->messages, p->n, 1, &p->cap, sizeof *p->messages);
	struct prompt_message *m = &p->messages[p->n++];
	*m = (struct prompt_message){.role = role};
	return m;
}

void prompt_room(struct arena *a, struct prompt_message *m, size_t parts, size_t calls)
{
	if (parts)
		m->parts = grown(a, m->parts, m->n_parts, parts, &m->cap_parts, sizeof *m->parts);
	if (calls)
		m->calls = grown(a, m->calls, m->n_calls, calls, &m->cap_calls, sizeof *m->calls);
}

struct prompt_part *prompt_add_part(struct arena *a, struct prompt_message *m, struct prompt_part part)
{
	prompt_room(a, m, 1, 0);
	m->parts[m->n_parts] = part;
	return &m->parts[m->n_parts++];
}

void prompt_add_text(struct arena *a, struct prompt_message *m, struct str text)
{
	prompt_add_part(a, m, (struct prompt_part){.kind = PART_TEXT, .text = text});
}

void prompt_add_call(struct arena *a, struct prompt_message *m, struct prompt_call call)
{
	prompt_room(a, m, 0, 1);
	m->calls[m->n_calls++] = call;
}

void prompt_add_origin(struct arena *a, struct prompt_message *m, const struct origin *origin)
{
	const struct origin **all = new_array(a, const struct origin *, m->n_origins + 1);
	if (m->n_origins)
		memcpy(all, m->origins, m->n_origins * sizeof *all);
	all[m->n_origins++] = origin;
	m->origins = all;
}

/* --- items ---------------------------------------------------------------------------------------------- */

struct place { /* where a value stands in the request; path "": history, errors name nothing */
	const char *path;
	size_t item;
	const char *member;
};

static const char *prompt_where(struct arena *a, const struct place *at, size_t part)
{
	if (!at->path[0])
		return NULL;
	return str_fmt(a, "%s[%zu].%s[%zu]", at->path, at->item, at->member, part).p;
}

enum part_from prompt_from(struct str text)
{
	return str_starts(text, S("http://")) || str_starts(text, S("https://")) ? FROM_URL : FROM_DATA;
}

static bool by_file(yyjson_val *v, struct prompt_part *part, struct err *e)
{
	part->text = json_str(json_get(v, S("file_id")));
	part->from = FROM_FILE;
	return part->text.p || fail(e, ERR_MISSING_PARAMETER, part->where, "Missing required parameter: 'file_id'.");
}

static bool prompt_read_image(struct arena *a, yyjson_val *v, struct prompt_part *part, struct err *e)
{
	part->text = json_str(json_get(v, S("image_url")));
	part->detail = json_str(json_get(v, S("detail")));
	part->from = prompt_from(part->text);
	return part->text.p || by_file(v, part, e);
}

static bool prompt_read_file(struct arena *a, yyjson_val *v, struct prompt_part *part, struct err *e)
{
	part->text = json_str(json_get(v, S("file_data")));
	if (!part->text.p && (part->text = json_str(json_get(v, S("file_url")))).p)
		part->from = FROM_URL;
	part->detail = json_str(json_get(v, S("filename")));
	part->quality = json_str(json_get(v, S("detail")));
	return part->text.p || by_file(v, part, e);
}

/* RFC 4648, 4; its padding may be left out. */
static bool is_base64(struct str s)
{
	size_t n = 0;
	while (n < s.n && (isalnum((unsigned char)s.p[n]) || s.p[n] == '+' || s.p[n] == '/'))
		n++;
	size_t pad = s.n - n;
	for (size_t i = n; i < s.n; i++)
		if (s.p[i] != '=')
			return false;
	return n && n % 4 != 1 && (!pad || (pad <= 2 && s.n % 4 == 0));
}

static bool read_audio(struct arena *a, yyjson_val *v, struct prompt_part *part, struct err *e)
{
	yyjson_val *audio = json_get(v, S("input_audio"));
	part->text = json_str(json_get(audio, S("data")));
	part->detail = json_str(json_get(audio, S("format")));
	if (!part->text.p)
		return fail(e, ERR_MISSING_PARAMETER, part->where, "Missing required parameter: 'input_audio.data'.");
	if (is_base64(part->text))
		return true;
	struct str data = str_fmt(a, "%s.input_audio.data", part->where);
	return fail(e, ERR_INVALID_VALUE, data.p, "Invalid '%.*s'. Expected the bytes of a sound in base64.", FMT(data));
}

static const struct part_row {
	struct str wire;
	enum part_kind kind;
	struct str text; /* PART_TEXT: the member that holds it */
	bool (*read)(struct arena *, yyjson_val *, struct prompt_part *, struct err *);
} part_rows[] = {
    {STR("input_text"), PART_TEXT, STR("text"), NULL},
    {STR("output_text"), PART_TEXT, STR("text"), NULL},
    {STR("text"), PART_TEXT, STR("text"), NULL},
    {STR("summary_text"), PART_TEXT, STR("text"), NULL},
    {STR("refusal"), PART_TEXT, STR("refusal"), NULL},
    {STR("input_image"), PART_IMAGE, {0}, prompt_read_image},
    {STR("computer_screenshot"), PART_IMAGE, {0}, prompt_read_image},
    {STR("input_file"), PART_FILE, {0}, prompt_read_file},
    {STR("input_audio"), PART_AUDIO, {0}, read_audio},
};

static const struct part_row *part_row(struct str wire)
{
	for (size_t i = 0; i < sizeof part_rows / sizeof *part_rows; i++)
		if (str_eq(part_rows[i].wire, wire))
			return &part_rows[i];
	return NULL;
}

static bool add_one(struct arena *a, struct prompt_message *m, yyjson_val *v, const char *at, struct err *e)
{
	struct str type = json_str(json_get(v, S("type")));
	const struct part_row *row = part_row(type);
	struct prompt_part part = {.where = at};
	if (!row)
		return fail(e, ERR_INVALID_VALUE, at, "Invalid value: '%.*s'. This model cannot be given such a part.",
			    FMT(type));
	part.kind = row->kind;
	if (row->kind == PART_TEXT)
		part.text = json_str(json_get(v, row->text));
	else if (m->role != ROLE_USER && m->role != ROLE_TOOL)
		return fail(e, ERR_INVALID_VALUE, at,
			    "Invalid value: '%.*s'. Such a part may stand only in user messages and tool outputs.",
			    FMT(type));
	else if (!row->read(a, v, &part, e))
		return false;
	prompt_add_part(a, m, part);
	return true;
}

/* A message's content or a tool's output: a string, parts, or one part (a screenshot). */
static bool prompt_add_content(struct arena *a, struct prompt_message *m, yyjson_val *v, const struct place *at, struct err *e)
{
	size_t i, max;
	yyjson_val *val;
	if (yyjson_is_str(v))
		prompt_add_text(a, m, json_str(v));
	else if (yyjson_is_obj(v))
		return add_one(a, m, v, prompt_where(a, at, 0), e);
	yyjson_arr_foreach(v, i, max, val)
	{
		if (!add_one(a, m, val, prompt_where(a, at, i), e))
			return false;
	}
	return true;
}

/* The assistant message that calls and reasoning join: the last one, unless something came after it. Results of calls
 * that we ran stand between the calls of one answer. */
static struct prompt_message *open_assistant(struct arena *a, struct prompt *p)
{
	size_t i = p->n;
	if (i && p->messages[i - 1].called_more)
		while (i && p->messages[i - 1].role == ROLE_TOOL)
			i--;
	if (i && p->messages[i - 1].role == ROLE_ASSISTANT)
		return &p->messages[i - 1];
	return prompt_add(a, p, ROLE_ASSISTANT);
}

static enum role role_of(struct str role)
{
	if (str_eq(role, S("assistant")))
		return ROLE_ASSISTANT;
	if (str_eq(role, S("system")) || str_eq(role, S("developer")))
		return ROLE_SYSTEM;
	return ROLE_USER;
}

/* NULL: nothing is known. */
static const struct origin *origin_of(struct arena *a, const struct item *it)
{
	struct origin read, *kept;
	if (!it->ours || !origin_read(it->ours, &read))
		return NULL;
	kept = new (a, struct origin);
	*kept = read;
	return kept;
}

/* What was signed with the message stands with any of its items. */
static void add_origin(struct arena *a, struct prompt_message *m, const struct origin *origin)
{
	if (origin && (origin->thoughts.n || json_get(origin->marks, S("message"))))
		prompt_add_origin(a, m, origin);
}

static bool add_message(struct arena *a, struct prompt *p, const struct item *it, const struct place *at, struct err *e)
{
	enum role role = role_of(it->role);
	bool inside = role == ROLE_ASSISTANT && p->n && p->messages[p->n - 1].called_more;
	struct prompt_message *m = inside ? open_assistant(a, p) : prompt_add(a, p, role);
	if (role == ROLE_ASSISTANT)
		add_origin(a, m, origin_of(a, it));
	return prompt_add_content(a, m, json_get(it->val, S("content")), at, e);
}

/* A call of any kind is the function's that its tool was offered as. A search of ours has no id, and needs none:
 * what it found is offered. */
static bool add_tool_call(struct arena *a, struct prompt *p, const struct item *it, const struct place *at, struct err *e)
{
	const struct call_row *row = &call_rows[call_kind_of_item(it->type)];
	if (!it->call_id.p)
		return true;
	struct prompt_message *m = open_assistant(a, p);
	struct prompt_call call = {it->call_id, call_item_name(a, p->tools, p->n_tools, p->index, it), row->arguments(a, it->val),
				   origin_of(a, it), yyjson_is_true(json_get(it->val, S("async")))};
	prompt_add_call(a, m, call);
	add_origin(a, m, call.origin);
	return true;
}

static bool add_tool_output(struct arena *a, struct prompt *p, const struct item *it, const struct place *at, struct err *e)
{
	struct place out = {at->path, at->item, "output"};
	struct str text = call_result(a, it);
	if (!it->call_id.p)
		return true;
	struct prompt_message *m = prompt_add(a, p, ROLE_TOOL);
	m->call_id = it->call_id;
	m->called_more = yyjson_is_true(json_get(json_get(it->val, ITEM_OURS), S("more")));
	if (!text.p)
		return prompt_add_content(a, m, json_get(it->val, S("output")), &out, e);
	prompt_add_text(a, m, text);
	return true;
}

/* Pictures that a call of ours has shown, and those that it found for the engine alone. */
static void prompt_add_pictures(struct arena *a, struct prompt *p, const struct hosted *h, const struct item *it)
{
	yyjson_val *lists[] = {h->pictures.list.n ? json_get(it->val, h->pictures.list) : NULL,
			       json_get(json_get(it->val, ITEM_OURS), S("images"))};
	yyjson_val *one;
	struct prompt_message *m = p->n ? &p->messages[p->n - 1] : NULL;
	size_t i, max;
	if (!p->sees || !m || m->role != ROLE_TOOL)
		return;
	for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
		yyjson_arr_foreach(lists[k], i, max, one)
		{
			struct str url = json_str(yyjson_is_str(one) ? one : json_get(one, h->pictures.url));
			if (url.n)
				prompt_add_part(a, m, (struct prompt_part){.kind = PART_IMAGE, .text = url, .from = FROM_DATA});
		}
}

/* A call of a tool that we run is call and result in one, or each is an item. */
static bool add_ours(struct arena *a, struct prompt *p, const struct item *it, const struct place *at, struct err *e)
{
	struct item both = *it;
	const struct hosted *h = hosted_of_item(it->type);
	yyjson_val *ours = json_get(it->val, ITEM_OURS);
	if (h->ends_in)
		return it->type == h->ends_in ? add_tool_output(a, p, it, at, e) : add_tool_call(a, p, it, at, e);
	if (it->type != h->item && !json_get(ours, S("told")))
		return true; /* it says nothing to an engine */
	if (!ours && !h->arguments(a, it->val).p)
		return true; /* cut off */
	both.call_id = it->id.n ? it->id : str_fmt(a, "call_%zu", p->n);
	if (!add_tool_call(a, p, &both, at, e) || !add_tool_output(a, p, &both, at, e))
		return false;
	prompt_add_pictures(a, p, h, it);
	if (h->picture.n)
		p->messages[p->n - 1].picture = json_str(json_get(it->val, h->picture));
	return true;
}

/* Its tools are offered with the others; or it steers the turn alone. */
static bool add_nothing(struct arena *a, struct prompt *p, const struct item *it, const struct place *at, struct err *e)
{
	return true;
}

/* Pieces are parted by an empty line. The room doubles: a client may send very many. */
void prompt_add_thought(struct arena *a, struct prompt_message *m, struct str text)
{
	if (!text.n)
		return;
	if (!m->reasoning.n) {
		m->reasoning = text;
		m->cap_reasoning = 0;
		return;
	}
	size_t n = m->reasoning.n, all = n + 2 + text.n;
	char *p = (char *)(uintptr_t)m->reasoning.p;
	if (all > m->cap_reasoning) {
		m->cap_reasoning = 2 * all;
		p = arena_bytes(a, m->cap_reasoning);
		memcpy(p, m->reasoning.p, n);
	}
	memcpy(p + n, "\n\n", 2);
	memcpy(p + n + 2, text.p, text.n);
	m->reasoning = (struct str){p, all};
}

/* The reasoning itself where the item has it, else its summary. Encrypted reasoning says nothing here. */
static bool add_reasoning(struct arena *a, struct prompt *p, const struct item *it, const struct place *at, struct err *e)
{
	yyjson_val *parts = json_get(it->val, S("content")), *val;
	struct prompt_message *m = NULL;
	const struct origin *origin = origin_of(a, it);
	size_t i, max;
	if (!yyjson_arr_size(parts))
		parts = json_get(it->val, S("summary"));
	yyjson_arr_foreach(parts, i, max, val)
	{
		struct str text = json_str(json_get(val, S("text")));
		if (text.n && !m)
			m = open_assistant(a, p);
		if (text.n)
			prompt_add_thought(a, m, text);
	}
	if (origin && !m && json_get(origin->marks, S("message")))
		m = open_assistant(a, p);
	if (m)
		add_origin(a, m, origin);
	return true;
}

static bool refuse_reference(struct arena *a, struct prompt *p, const struct item *it, const struct place *at, struct err *e)
{
	return fail(e, ERR_NOT_FOUND, at->path[0] ? at->path : NULL, "Item with id '%.*s' not found.", FMT(it->id));
}

/* A compaction (opened: compact.h) stands for all before it but what the user and the instructions have said. */
static bool prompt_add_compaction(struct arena *a, struct prompt *p, const struct item *it, const struct place *at, struct err *e)
{
	struct str summary = json_str(json_get(it->val, S("summary")));
	yyjson_val *calls = json_get(it->val, S("calls")), *one;
	struct item *items = new_array(a, struct item, yyjson_arr_size(calls) + 1);
	size_t n = p->settled, i, max;
	if (!summary.n)
		return true;
	for (i = n; i < p->n; i++)
		if (p->messages[i].role == ROLE_USER || p->messages[i].role == ROLE_SYSTEM)
			p->messages[n++] = p->messages[i];
	p->n = p->settled = n;
	struct prompt_message *m = prompt_add(a, p, ROLE_ASSISTANT);
	prompt_add_text(a, m, str_fmt(a, "Summary of the conversation so far:\n%.*s", FMT(summary)));
	n = 0;
	yyjson_arr_foreach(calls, i, max, one) n += item_view(a, json_text(a, one), &items[n]);
	return prompt_add_items(a, p, items, n, "", e);
}

typedef bool adder(struct arena *, struct prompt *, const struct item *, const struct place *, struct err *);
static adder *const adders[ITEM_COUNT] = {
    [ITEM_MESSAGE] = add_message,
    [ITEM_ADDITIONAL_TOOLS] = add_nothing,
    [ITEM_APPLY_PATCH_CALL] = add_tool_call,
    [ITEM_APPLY_PATCH_CALL_OUTPUT] = add_tool_output,
    [ITEM_COMPACTION] = prompt_add_compaction,
    [ITEM_COMPACTION_TRIGGER] = add_nothing,
    [ITEM_CONFIGURATION_UPDATE] = add_nothing,
    [ITEM_COMPUTER_CALL] = add_tool_call,
    [ITEM_COMPUTER_CALL_OUTPUT] = add_tool_output,
    [ITEM_CUSTOM_TOOL_CALL] = add_tool_call,
    [ITEM_CUSTOM_TOOL_CALL_OUTPUT] = add_tool_output,
    [ITEM_FUNCTION_CALL] = add_tool_call,
    [ITEM_FUNCTION_CALL_OUTPUT] = add_tool_output,
    [ITEM_LOCAL_SHELL_CALL] = add_tool_call,
    [ITEM_LOCAL_SHELL_CALL_OUTPUT] = add_tool_output,
    [ITEM_SHELL_CALL] = add_tool_call,
    [ITEM_SHELL_CALL_OUTPUT] = add_tool_output,
    [ITEM_TOOL_SEARCH_CALL] = add_tool_call,
    [ITEM_TOOL_SEARCH_OUTPUT] = add_tool_output,
    [ITEM_REASONING] = add_reasoning,
    [ITEM_REFERENCE] = refuse_reference,
};

bool prompt_add_items(struct arena *a, struct prompt *p, const struct item *items, size_t n, const char *path,
		      struct err *e)
{
	if (n > 1)
		p->messages = grown(a, p->messages, p->n, n, &p->cap, sizeof *p->messages);
	for (size_t i = 0; i < n; i++) {
		struct place at = {path, i, "content"};
		adder *add = items[i].caller.n ? add_nothing /* a program's own matter */
			     : hosted_of_item(items[i].type) ? add_ours : adders[items[i].type];
		if (!add)
			return fail(e, ERR_INVALID_VALUE, path[0] ? str_fmt(a, "%s[%zu]", path, i).p : NULL,
				    "Items of type '%s' cannot be given to this model.", item_rows[items[i].type].wire);
		if (!add(a, p, &items[i], &at, e))
			return false;
	}
	return true;
}
