/* item.c - the items of the API: what a conversation is made of. */
#include "model/hosted.h"

#include <stdlib.h>
#include <string.h>

#include "model/item_fields.h"
#include "model/parts.h"

enum {
	LISTED_MAX = 512 << 20, /* bytes of one item's JSON; bodies are bounded far below */
	KEYS = 32,              /* more members than any item's table has, with tolerated ones */
};

static const char *const item_tolerated[] = {
#define TOLERATED(where, key) TOLERATED_##where(key)
#define TOLERATED_TOP(key)
#define TOLERATED_ITEM(key) key,
#define TOLERATED_WEB_SEARCH(key)
#define TOLERATED_CHAT_PART(key)
#define TOLERATED_CHAT_MESSAGE(key)
#define TOLERATED_CHAT_CALL(key)
#define TOLERATED_CHAT_CALLED(key)
#include "model/tolerated.def"
#undef TOLERATED
	NULL,
};

/* --- reading ------------------------------------------------------------------------------------------- */

static enum item_type type_named(struct str wire)
{
	for (enum item_type t = ITEM_NONE + 1; t < ITEM_COUNT; t++)
		if (str_eq(wire, str_of(item_rows[t].wire)))
			return t;
	return ITEM_NONE;
}

/* `type` may be left out of messages, and of references, which are an id alone. */
enum item_type item_type_of(yyjson_val *v)
{
	yyjson_val *type = json_get(v, S("type"));
	if (type)
		return type_named(json_str(type));
	return json_get(v, S("id")) && yyjson_obj_size(v) == 1 ? ITEM_REFERENCE : ITEM_MESSAGE;
}

static bool type_unknown(yyjson_val *v, const char *path, struct err *e)
{
	const char *values[ITEM_COUNT];
	size_t n = 0;
	yyjson_val *type = json_get(v, S("type"));
	for (enum item_type t = ITEM_NONE + 1; t < ITEM_COUNT; t++)
		values[n++] = item_rows[t].wire;
	values[n] = NULL;
	if (!yyjson_is_str(type)) {
		char place[128];
		field_path(place, path, "type");
		return field_type(type, place, "a string", e);
	}
	return field_enum(json_str(type), path, values, e);
}

static void view(yyjson_val *v, enum item_type type, struct item *ret)
{
	*ret = (struct item){
		.type = type,
		.id = json_str(json_get(v, S("id"))),
		.role = json_str(json_get(v, S("role"))),
		.call_id = json_str(json_get(v, S("call_id"))),
		.name = json_str(json_get(v, S("name"))),
		.caller = json_str(json_get(json_get(v, S("caller")), S("caller_id"))),
		.val = v,
	};
	if (type == ITEM_LOCAL_SHELL_CALL_OUTPUT && !ret->call_id.p) /* its id is the call's */
		ret->call_id = ret->id;
}

bool item_read_any(struct arena *a, yyjson_val *v, const char *path, struct item *ret, struct err *e)
{
	static const char *const roles[] = {"assistant", "system", "developer", "user", NULL};
	if (!yyjson_is_obj(v))
		return field_type(v, path, "an input item", e);
	enum item_type type = item_type_of(v);
	if (type == ITEM_NONE)
		return type_unknown(v, path, e);
	const struct item_row *row = &item_rows[type];
	const struct field *fields = row->fields;
	if (type == ITEM_MESSAGE) {
		struct str role = json_str(json_get(v, S("role")));
		const char *const *known = roles;
		while (*known && !str_eq(role, str_of(*known)))
			known++;
		if (!*known)
			return field_enum(role.p ? role : S(""), path, roles, e);
		if (str_eq(role, S("assistant")))
			fields = assistant_fields;
	}
	if (!fields_read(fields, v, path, item_tolerated, NULL, NULL, e))
		return false;
	view(v, type, ret);
	return true;
}

bool item_read(struct arena *a, yyjson_val *v, const char *path, struct item *ret, struct err *e)
{
	if (!item_read_any(a, v, path, ret, e))
		return false;
	const struct item_row *row = &item_rows[ret->type];
	if (row->flags & ITEM_LATER || (row->flags & ITEM_HOSTED && !hosted_of_item(ret->type)))
		return fail(e, ERR_UNSUPPORTED_VALUE, path,
			    "Unsupported value: '%s'. This version does not serve items of this type yet; a later one "
			    "brings them.",
			    row->wire);
	return true;
}

bool item_view(struct arena *a, struct str json, struct item *ret)
{
	struct err ignored = {0};
	yyjson_val *v;
	if (!json_parse(a, json, &v, &ignored) || !yyjson_is_obj(v))
		return false;
	view(v, item_type_of(v), ret);
	ret->ours = json_get(v, ITEM_OURS);
	if (!ret->caller.p) /* of items that the API knows no caller of */
		ret->caller = json_str(json_get(ret->ours, S("caller")));
	return true;
}

/* --- listing -------------------------------------------------------------------------------------------- */

static void text_part(struct jout *o, bool assistant, struct str text)
{
	jo_obj(o);
	jo_kstr(o, "type", assistant ? S("output_text") : S("input_text"));
	if (assistant) {
		jo_kraw(o, "annotations", S("[]"));
		jo_kraw(o, "logprobs", S("[]"));
	}
	jo_kstr(o, "text", text);
	jo_obj_end(o);
}

static bool absent(yyjson_val *obj, struct str key)
{
	yyjson_val *v = json_get(obj, key);
	return !v || yyjson_is_null(v);
}

/* A part as it came, with what every listed one has: null where a list or word is meant counts as missing. */
static void part(struct jout *o, yyjson_val *v)
{
	struct str type = json_str(json_get(v, S("type")));
	bool output = str_eq(type, S("output_text")), image = str_eq(type, S("input_image"));
	bool annotations = output && absent(v, S("annotations")), logprobs = output && absent(v, S("logprobs"));
	bool detail = image && absent(v, S("detail"));
	size_t i, max;
	yyjson_val *key, *val;
	jo_obj(o);
	jo_kstr(o, "type", type);
	if (annotations)
		jo_kraw(o, "annotations", S("[]"));
	if (logprobs)
		jo_kraw(o, "logprobs", S("[]"));
	if (detail)
		jo_kstr(o, "detail", S("auto"));
	yyjson_obj_foreach(v, i, max, key, val)
	{
		struct str k = json_str(key);
		if (str_eq(k, S("type")) || (annotations && str_eq(k, S("annotations"))) ||
		    (logprobs && str_eq(k, S("logprobs"))) || (detail && str_eq(k, S("detail"))))
			continue;
		jo_key(o, k);
		jo_val(o, val);
	}
	jo_obj_end(o);
}

static void content(struct jout *o, const struct item *it, yyjson_val *v)
{
	size_t i, max;
	yyjson_val *one;
	jo_arr(o);
	if (yyjson_is_str(v))
		text_part(o, str_eq(it->role, S("assistant")), json_str(v));
	yyjson_arr_foreach(v, i, max, one)
		part(o, one);
	jo_arr_end(o);
}

/* What each listed item has, also where the client that sent it left it out: type, member, value. */
static const struct {
	enum item_type type;
	const char *key, *value;
} always[] = {
	{ITEM_COMPUTER_CALL, "pending_safety_checks", "[]"},
	{ITEM_SHELL_CALL_OUTPUT, "max_output_length", "null"},
	{ITEM_TOOL_SEARCH_CALL, "call_id", "null"},
	{ITEM_TOOL_SEARCH_CALL, "execution", "\"client\""},
	{ITEM_TOOL_SEARCH_OUTPUT, "call_id", "null"},
	{ITEM_TOOL_SEARCH_OUTPUT, "execution", "\"client\""},
};

/* A shell's action as it came, and null for the bounds that it does not name. */
static void shell_action(struct jout *o, yyjson_val *v)
{
	static const char *const bounds[] = {"max_output_length", "timeout_ms"};
	size_t i, max;
	yyjson_val *key, *val;
	jo_obj(o);
	yyjson_obj_foreach(v, i, max, key, val)
	{
		jo_key(o, json_str(key));
		jo_val(o, val);
	}
	for (i = 0; i < sizeof bounds / sizeof *bounds; i++)
		if (!json_get(v, str_of(bounds[i]))) {
			jo_key(o, str_of(bounds[i]));
			jo_null(o);
		}
	jo_obj_end(o);
}

/* Members whose null says nothing: a listed item has them with a value or not at all. */
static bool says_nothing(struct str key, yyjson_val *v)
{
	static const char *const keys[] = {"action", "actions", "async", "content", "created_by",
					   "name", "namespace", "phase"};
	bool one = false;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		one = one || str_eq(key, str_of(keys[i]));
	return one && yyjson_is_null(v);
}

struct listed_member {
	struct str key;
	yyjson_val *val;
	const char *value; /* when val is NULL */
};

static int by_key(const void *a, const void *b)
{
	struct str x = ((const struct listed_member *)a)->key, y = ((const struct listed_member *)b)->key;
	int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
	return order ? order : (x.n > y.n) - (x.n < y.n);
}

static void value(struct jout *o, const struct item *it, const struct listed_member *m)
{
	if (!m->val)
		jo_raw(o, str_of(m->value));
	else if (it->type == ITEM_MESSAGE && str_eq(m->key, S("content")))
		content(o, it, m->val);
	else if (it->type == ITEM_SHELL_CALL && str_eq(m->key, S("action")))
		shell_action(o, m->val);
	else
		jo_val(o, m->val);
}

/* The live API writes id, type, status, then the rest by name. */
static void rest(struct jout *o, const struct item *it)
{
	struct listed_member members[KEYS];
	yyjson_val *key, *val;
	size_t i, max, n = 0;
	yyjson_obj_foreach(it->val, i, max, key, val)
	{
		struct str k = json_str(key);
		bool first = str_eq(k, S("id")) || str_eq(k, S("type")) || str_eq(k, S("status"));
		bool twice = json_get(it->val, k) != val;
		if (!first && !twice && n < KEYS && !says_nothing(k, val))
			members[n++] = (struct listed_member){.key = k, .val = val};
	}
	for (i = 0; i < sizeof always / sizeof *always && n < KEYS; i++)
		if (always[i].type == it->type && !json_get(it->val, str_of(always[i].key)))
			members[n++] = (struct listed_member){.key = str_of(always[i].key), .value = always[i].value};
	qsort(members, n, sizeof *members, by_key);
	for (i = 0; i < n; i++) {
		jo_key(o, members[i].key);
		value(o, it, &members[i]);
	}
}

struct str item_listed(struct arena *a, const struct item *it, struct str id)
{
	struct buf b;
	buf_init(&b, LISTED_MAX);
	struct jout o = {.b = &b};
	const struct item_row *row = &item_rows[it->type];
	struct str status = json_str(json_get(it->val, S("status")));
	jo_obj(&o);
	jo_kstr(&o, "id", id);
	jo_kstr(&o, "type", row->wire ? str_of(row->wire) : json_str(json_get(it->val, S("type"))));
	if (status.p || row->flags & ITEM_STATUS)
		jo_kstr(&o, "status", status.p ? status : S("completed"));
	rest(&o, it);
	jo_obj_end(&o);
	struct str json = str_copy(a, buf_str(&b));
	buf_release(&b);
	return json;
}
